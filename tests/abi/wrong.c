/* wrong.c - mistakes that the compiler must catch; each is compiled alone, with -DWRONG=n. 0 is correct. */
#include <nacre/plugin.h>

/* a u32 declared as a u64, a member and a kind that do not exist */
#if WRONG == 1
#define NUMBER NACRE_FIELD(struct wr, number, u64)
#elif WRONG == 2
#define NUMBER NACRE_FIELD(struct wr, numbre, u32)
#elif WRONG == 3
#define NUMBER NACRE_FIELD(struct wr, number, u33)
#else
#define NUMBER NACRE_FIELD(struct wr, number, u32)
#endif

/* text declared as bytes */
#if WRONG == 4
#define TEXT NACRE_FIELD(struct wr, text, bytes)
#else
#define TEXT NACRE_FIELD(struct wr, text, string)
#endif

/* a vector that is none */
#if WRONG == 5
#define LIST NACRE_FIELD_VECTOR(struct wr, text, wr_list_type)
#else
#define LIST NACRE_FIELD_VECTOR(struct wr, list, wr_list_type)
#endif

/* an option of another type */
#if WRONG == 6
#define MAYBE NACRE_FIELD_OPTION(struct wr, maybe, wr_maybe_type, uint32_t)
#else
#define MAYBE NACRE_FIELD_OPTION(struct wr, maybe, wr_maybe_type, uint64_t)
#endif

struct wr {
    uint32_t number;
    struct nacre_str text;
    struct nacre_vec list;
    const uint64_t *maybe;
};
NACRE_VECTOR(wr_list_type, nacre_type_u64);
NACRE_OPTION(wr_maybe_type, nacre_type_u64);
NACRE_STRUCT(wr_type, "Wr", struct wr, NUMBER, TEXT, LIST, MAYBE);

/* a field of an undeclared type, a source that is none */
#if WRONG == 7
NACRE_RECORD(WrRecord, (Undeclared, x));
#elif WRONG == 8
NACRE_RECORD(WrRecord, (u32, x, query));
#else
NACRE_RECORD(WrRecord, (u32, x));
#endif

int32_t wr_use(const struct nacre_call *call);
int32_t wr_use(const struct nacre_call *call)
{
    (void)wr_type;
    /* formats that do not fit their arguments */
#if WRONG == 9
    return nacre_fail(call, 400, "%s", 7);
#elif WRONG == 10
    return nacre_format(call, "%d", "text").len == 0;
#else
    return nacre_fail(call, 400, "%s", "seven");
#endif
}
