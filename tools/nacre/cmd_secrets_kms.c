/* nacre secrets kms: what AWS has to be told for secrets through KMS. */
#include "cmd_secrets.h"

#include "commands.h"
#include "file.h"
#include "netaddr.h"

#include <common/json_write.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRS     32u
#define PCR_HEX  96u
#define FILE_MAX 65536u

static const char help[] = "usage: nacre secrets kms policy --pcrs FILE --role ARN\n"
                           "       nacre secrets kms encrypt --region NAME --key-id ID SECRETS.json -o FILE\n"
                           "\n"
                           "policy    prints the statement for the key's policy under which the role of the "
                           "parent instance may decrypt only\n"
                           "          for an enclave that measures what FILE says: lines of HEX PCR<n>, as "
                           "`nacre eif measure` writes them\n"
                           "encrypt   prints the command that makes the ciphertext of secrets.kms.ciphertext "
                           "from the secrets (4096 bytes at\n"
                           "          most): it runs where the secrets are, with the AWS command line and "
                           "credentials that may encrypt\n";

struct wish {
    const char *pcrs, *role, *region, *key_id, *secrets, *output;
};

static void put(struct nacre_json_out *o, const char *key, const char *text)
{
    nacre_json_lit(o, key);
    nacre_json_string(o, text, strlen(text));
}

/* "PCR<n>" as KMS writes it; false for anything else. */
static bool take_name(const char *name, uint64_t *index)
{
    return name && strncmp(name, "PCR", 3) == 0 && (name[3] != '0' || name[4] == '\0') &&
           nacre_number_parse(index, name + 3, strlen(name + 3), PCRS - 1) == 0;
}

/*
 * "HEX PCR<n>"; false when the line is neither that nor empty nor a comment, and for zeros: those every enclave in debug
 * mode has, of whatever image, with a console that the parent reads.
 */
static bool take_line(struct nacre_json_out *o, char *line, uint32_t *taken)
{
    char *save = NULL, *hex = strtok_r(line, " \t\r", &save), *name = strtok_r(NULL, " \t\r", &save);
    uint64_t index = 0;
    if (!hex || hex[0] == '#')
        return true;
    if (!take_name(name, &index) || strlen(hex) != PCR_HEX ||
        strspn(hex, "0123456789abcdefABCDEF") != PCR_HEX || strspn(hex, "0") == PCR_HEX ||
        strtok_r(NULL, " \t\r", &save) || (*taken >> index & 1))
        return false;
    nacre_json_lit(o, *taken ? ",\n" : "\n");
    nacre_json_lit(o, "      \"kms:RecipientAttestation:");
    nacre_json_lit(o, name);
    put(o, "\": ", hex);
    *taken |= UINT32_C(1) << index;
    return true;
}

static int policy(const struct wish *w, const char *program)
{
    struct nacre_json_out o = {0};
    uint8_t *data = NULL;
    char why[512], *text = NULL, *save = NULL;
    size_t len = 0;
    uint32_t taken = 0;
    bool good = nacre_file_read(&data, &len, w->pcrs, FILE_MAX, why, sizeof why) == 0 &&
                (text = strndup((const char *)data, len));
    free(data);
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", program, why);
        return NACRE_EXIT_FAILED;
    }
    put(&o,
        "{\n  \"Sid\": \"OnlyThisEnclave\",\n  \"Effect\": \"Allow\",\n  \"Principal\": {\"AWS\": ", w->role);
    nacre_json_lit(&o, "},\n  \"Action\": \"kms:Decrypt\",\n  \"Resource\": \"*\",\n  \"Condition\": {\n"
                       "    \"StringEqualsIgnoreCase\": {");
    for (char *line = strtok_r(text, "\n", &save); line && good; line = strtok_r(NULL, "\n", &save))
        good = take_line(&o, line, &taken);
    nacre_json_lit(&o, "\n    }\n  }\n}\n");
    free(text);
    good = good && taken && !o.failed;
    if (good)
        (void)fwrite(o.base, 1, o.len, stdout);
    else
        (void)fprintf(stderr,
                      "%s: %s: expected lines of 96 hex digits, not all zero, and PCR<n>, each n once\n",
                      program, w->pcrs);
    free(o.base);
    return good ? 0 : NACRE_EXIT_FAILED;
}

/* For a shell. */
static void print_word(const char *text)
{
    (void)putchar('\'');
    for (; *text; text++)
        (void)fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, stdout);
    (void)putchar('\'');
}

static int encrypt(const struct wish *w)
{
    char source[4096];
    (void)snprintf(source, sizeof source, "fileb://%s", w->secrets);
    (void)fputs("aws kms encrypt --region ", stdout);
    print_word(w->region);
    (void)fputs(" --key-id ", stdout);
    print_word(w->key_id);
    (void)fputs(" --plaintext ", stdout);
    print_word(source);
    (void)fputs(" --query CiphertextBlob --output text | base64 -d >", stdout);
    print_word(w->output);
    (void)putchar('\n');
    return 0;
}

int nacre_cmd_secrets_kms(int argc, char **argv)
{
    static const struct option options[] = {
        {"pcrs", required_argument, NULL, 'p'},   {"role", required_argument, NULL, 'r'},
        {"region", required_argument, NULL, 'g'}, {"key-id", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct wish w = {0};
    int code;
    optind = 1;
    while ((code = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        const char **to = code == 'p'   ? &w.pcrs
                          : code == 'r' ? &w.role
                          : code == 'g' ? &w.region
                          : code == 'k' ? &w.key_id
                          : code == 'o' ? &w.output
                                        : NULL;
        if (code == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (!to)
            return NACRE_EXIT_USAGE;
        *to = optarg;
    }
    const char *what = optind < argc ? argv[optind] : "";
    w.secrets = optind + 1 < argc ? argv[optind + 1] : NULL;
    if (strcmp(what, "policy") == 0 && w.pcrs && w.role && !w.secrets)
        return policy(&w, argv[0]);
    if (strcmp(what, "encrypt") == 0 && w.region && w.key_id && w.secrets && w.output && optind + 2 == argc)
        return encrypt(&w);
    return nacre_usage_error(argv[0], "expected policy or encrypt with all that it needs; see --help");
}
