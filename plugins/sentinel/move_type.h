/* move_type.h - addresses and type names as Sui writes them: 0x2::coin::Coin<0x2::sui::SUI>. */
#ifndef SENTINEL_MOVE_TYPE_H
#define SENTINEL_MOVE_TYPE_H

#include <nacre/plugin.h>

#define SENTINEL_TYPE_TEXT_MAX 2048u /* bytes of a type's name that are looked at */

/* "0x" and 1 to 64 hex digits of either case; leading zeros may be left out. 0, or -1; *out is untouched then. */
int sentinel_address_parse(uint8_t out[32], struct nacre_str text);

/* "0x" and 64 lower-case digits, terminated. */
struct sentinel_address_text {
    char z[67];
};
struct sentinel_address_text sentinel_address_text(const uint8_t address[32]);

enum sentinel_type_fit {
    SENTINEL_TYPE_FITS,      /* PACKAGE::sentinel::Attack<T> for one T */
    SENTINEL_TYPE_FOREIGN,   /* of another package */
    SENTINEL_TYPE_OTHER,     /* of the package, but another module or name, or not with one parameter */
    SENTINEL_TYPE_MALFORMED, /* no type of a Move object at all */
};

/* What the name of an object's type says. Every parameter is read to its end. */
enum sentinel_type_fit sentinel_type_match(struct nacre_str text, const uint8_t package[32]);

#endif
