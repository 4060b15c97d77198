#include "meta.h"

static void new_line(struct nacre_json_out *out, unsigned level)
{
    nacre_json_lit(out, "\n");
    for (unsigned i = 0; i < level; i++)
        nacre_json_lit(out, "  ");
}

static void scalar(struct nacre_json_out *out, const struct nacre_json *j, enum nacre_json_token token)
{
    switch (token) {
    case NACRE_JSON_STRING:
    case NACRE_JSON_KEY:
        nacre_json_lit(out, "\"");
        nacre_json_raw(out, j->text, j->text_len);
        nacre_json_lit(out, token == NACRE_JSON_KEY ? "\": " : "\"");
        break;
    case NACRE_JSON_NUMBER:
        nacre_json_raw(out, j->text, j->text_len);
        break;
    case NACRE_JSON_TRUE:
        nacre_json_lit(out, "true");
        break;
    case NACRE_JSON_FALSE:
        nacre_json_lit(out, "false");
        break;
    default:
        nacre_json_lit(out, "null");
    }
}

void nacre_eif_json_indent(struct nacre_json_out *out, struct nacre_eif_json value, unsigned level)
{
    struct nacre_json j;
    enum nacre_json_token token, before = NACRE_JSON_KEY;
    unsigned depth = level;
    nacre_json_init(&j, value.text, value.len);
    while ((token = nacre_json_next(&j)) != NACRE_JSON_END && token != NACRE_JSON_ERROR) {
        bool opened = before == NACRE_JSON_OBJECT || before == NACRE_JSON_ARRAY;
        if (token == NACRE_JSON_OBJECT_END || token == NACRE_JSON_ARRAY_END) {
            depth--;
            if (!opened)
                new_line(out, depth);
            nacre_json_lit(out, token == NACRE_JSON_OBJECT_END ? "}" : "]");
        } else {
            if (before != NACRE_JSON_KEY) {
                if (!opened)
                    nacre_json_lit(out, ",");
                new_line(out, depth);
            }
            bool opens = token == NACRE_JSON_OBJECT || token == NACRE_JSON_ARRAY;
            if (opens)
                nacre_json_lit(out, token == NACRE_JSON_OBJECT ? "{" : "[");
            else
                scalar(out, &j, token);
            depth += opens;
        }
        before = token;
    }
}
