/*
 * The runtime's readers of JSON and tables of types, compiled into this library under names of its own: whoever links
 * the static library gets no symbol outside nacre_verify_ and nacre_vfy_ from it, and no clash with the runtime's.
 */
#ifndef NACRE_VFY_COMMON_NAMES_H
#define NACRE_VFY_COMMON_NAMES_H

#define nacre_bcs_check     nacre_vfy_bcs_check
#define nacre_bcs_read_len  nacre_vfy_bcs_read_len
#define nacre_bcs_write_len nacre_vfy_bcs_write_len
#define nacre_utf8_valid    nacre_vfy_utf8_valid
#define nacre_json_init     nacre_vfy_json_init
#define nacre_json_next     nacre_vfy_json_next
#define nacre_json_skip     nacre_vfy_json_skip
#define nacre_json_unescape nacre_vfy_json_unescape
#define nacre_json_key_is   nacre_vfy_json_key_is
#define nacre_types_check   nacre_vfy_types_check
#define nacre_kind_name     nacre_vfy_type_kind_name

#endif
