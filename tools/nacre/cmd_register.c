/* nacre register */
#include <stdlib.h>
#include <string.h>

#include "cmd_register.h"
#include "commands.h"

#define CHAIN_PCRS 3u

static const char help[] =
    "usage: nacre register --url URL|--document FILE --pcrs FILE --enclave-package ID --app-package ID "
    "--module NAME\n"
    "                      --otw NAME --config ID [--update-pcrs --cap ID] [--canonical ID] [--run]\n"
    "       nacre register --url URL|--document FILE --pcrs FILE --enclave-package ID --app-package ID "
    "--module NAME\n"
    "                      --otw NAME --create --cap ID [--run]\n"
    "\n"
    "Verifies the document of an enclave under the policy, then prints the `sui client ptb` commands that "
    "register it\n"
    "on Sui with the Nautilus package `enclave`. A document in debug mode, and one whose PCR0, PCR1 and PCR2 "
    "are not\n"
    "those of the policy, is refused before anything is printed.\n"
    "\n"
    "  --url URL               the enclave: its document is fetched with a fresh nonce\n"
    "  --document FILE         a document; - is standard input\n"
    "  --enclave-package ID    the package with the module `enclave`\n"
    "  --app-package ID        the package, --module the module, and --otw the one-time witness of the app\n"
    "  --config ID             the EnclaveConfig object\n"
    "  --update-pcrs           first write PCR0, PCR1 and PCR2 into that object; needs --cap\n"
    "  --create                make a new EnclaveConfig with these PCRs; needs --cap. Register afterwards, "
    "with the\n"
    "                          id of the object that this made\n"
    "  --cap ID                the Cap object\n"
    "  --canonical ID          for a contract that takes one enclave's answers only: then call\n"
    "                          update_canonical_enclave of --module with this object and the new enclave\n"
    "  --name TEXT             the new EnclaveConfig's name; the module's if left out\n"
    "  --gas-budget MIST       " NACRE_PTB_GAS " if left out\n"
    "  --run                   run the commands instead of printing them; stops at the first that fails\n"
    "\n"
    "Policy: as in nacre verify document --help, except --allow-debug, --signature-only and --at document.\n"
    "\n"
    "Exit codes: 0 printed or done, 1 refused, 2 could not check, print or run.\n";

struct wish {
    const char *url, *document;
    const char *enclave_package, *app_package, *module, *otw, *config, *cap, *canonical, *name, *gas;
    bool update_pcrs, create, run;
};

static int check_ids(const struct wish *w, nacre_verify_error *why)
{
    const struct {
        const char *option, *text;
        bool name, needed;
    } all[] = {
        {"--enclave-package", w->enclave_package, false, true},
        {"--app-package", w->app_package, false, true},
        {"--module", w->module, true, true},
        {"--otw", w->otw, true, true},
        {"--config", w->config, false, !w->create},
        {"--cap", w->cap, false, w->create || w->update_pcrs},
        {"--canonical", w->canonical, false, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].text == NULL && all[i].needed) {
            return nacre_vcmd_unchecked(why, "%s is missing", all[i].option);
        }
        if (all[i].text != NULL &&
            !(all[i].name ? nacre_ptb_is_name(all[i].text) : nacre_ptb_is_id(all[i].text))) {
            return nacre_vcmd_unchecked(why, "%s is '%.100s', expected %s", all[i].option, all[i].text,
                                        all[i].name ? "a Move identifier" : "0x and up to 64 hex digits");
        }
    }
    return NACRE_CHECKED;
}

static int check_usage(const struct nacre_vcmd_options *options, struct wish *w, nacre_verify_error *why)
{
    uint64_t gas = 0;
    if (options->input != NULL) {
        return nacre_vcmd_unchecked(why, "'%.200s' is no option", options->input);
    }
    if ((w->url == NULL) == (w->document == NULL)) {
        return nacre_vcmd_unchecked(why,
                                    "the document comes from --url or from --document: give one of them");
    }
    if (w->url != NULL && !nacre_vcmd_is_url(w->url)) {
        return nacre_vcmd_unchecked(why, "--url is '%.200s', expected http:// or https://", w->url);
    }
    if (w->create && (w->update_pcrs || w->config != NULL || w->canonical != NULL)) {
        return nacre_vcmd_unchecked(
            why, "--create makes a new object: leave --config, --update-pcrs and --canonical out");
    }
    if (options->allow_debug || options->signature_only || options->at_document) {
        return nacre_vcmd_unchecked(
            why, "--allow-debug, --signature-only and --at document are for looking, not for registering");
    }
    if (w->name != NULL && (w->name[0] == '\0' || strpbrk(w->name, "\"\\") != NULL)) {
        return nacre_vcmd_unchecked(why, "--name is '%.100s', expected text without quotes and backslashes",
                                    w->name);
    }
    w->gas = w->gas != NULL ? w->gas : NACRE_PTB_GAS;
    if (nacre_vcmd_parse_u64(w->gas, strlen(w->gas), UINT64_MAX, &gas) != NACRE_CHECKED) {
        return nacre_vcmd_unchecked(why, "--gas-budget is '%.100s', expected MIST", w->gas);
    }
    return check_ids(w, why);
}

/* The chain compares these three and no other: all of them have to be expected here too. */
static int check_pcrs(const nacre_verify_report *report, nacre_verify_error *why)
{
    unsigned found = 0;
    for (size_t i = 0; i < nacre_verify_report_count(report); i++) {
        const char *name = nacre_verify_report_check(report, i)->name;
        for (unsigned pcr = 0; pcr < CHAIN_PCRS; pcr++) {
            const char own[] = {'P', 'C', 'R', (char)('0' + pcr), '\0'};
            found |= strcmp(name, own) == 0 ? 1u << pcr : 0;
        }
    }
    if (found != (1u << CHAIN_PCRS) - 1) {
        return nacre_vcmd_unchecked(why,
                                    "the chain compares PCR0, PCR1 and PCR2: --pcrs has to name all three");
    }
    return NACRE_CHECKED;
}

/* A document of the same image with another kind of key is not the enclave's: KMS gets such a one. */
static int check_key(const nacre_verify_doc *doc, nacre_verify_error *why)
{
    nacre_verify_bytes key = nacre_verify_doc_public_key(doc);
    return key.size == 32
               ? NACRE_CHECKED
               : nacre_vcmd_unchecked(why, "the document's public_key has %zu bytes, an enclave's has 32",
                                      key.size);
}

static void add_pcrs(struct nacre_ptb *ptb, const nacre_verify_doc *doc)
{
    for (unsigned i = 0; i < CHAIN_PCRS; i++) {
        nacre_verify_bytes pcr = nacre_verify_doc_pcr(doc, i);
        nacre_ptb_add_bytes(ptb, pcr.data, pcr.size);
    }
}

static void begin_call(struct nacre_ptb *ptb, const struct wish *w, const char *function)
{
    nacre_ptb_add(ptb, "--move-call");
    nacre_ptb_add(ptb, "%s::enclave::%s<%s::%s::%s>", w->enclave_package, function, w->app_package, w->module,
                  w->otw);
}

static void end_call(struct nacre_ptb *ptb, const struct wish *w)
{
    nacre_ptb_add(ptb, "--gas-budget");
    nacre_ptb_add(ptb, "%s", w->gas);
}

static void fill_pcrs(struct nacre_ptb *ptb, const struct wish *w, const nacre_verify_doc *doc)
{
    nacre_ptb_begin(ptb);
    begin_call(ptb, w, w->create ? "create_enclave_config" : "update_pcrs");
    if (w->create) {
        nacre_ptb_add(ptb, "@%s", w->cap);
        nacre_ptb_add(ptb, "\"%s\"", w->name != NULL ? w->name : w->module);
    } else {
        nacre_ptb_add(ptb, "@%s", w->config);
        nacre_ptb_add(ptb, "@%s", w->cap);
    }
    add_pcrs(ptb, doc);
    end_call(ptb, w);
}

static void fill_register(struct nacre_ptb *ptb, const struct wish *w,
                          const struct nacre_vcmd_buffer *document)
{
    nacre_ptb_begin(ptb);
    nacre_ptb_add(ptb, "--assign");
    nacre_ptb_add(ptb, "v");
    nacre_ptb_add_bytes(ptb, document->data, document->size);
    nacre_ptb_add(ptb, "--move-call");
    nacre_ptb_add(ptb, "0x2::nitro_attestation::load_nitro_attestation");
    nacre_ptb_add(ptb, "v");
    nacre_ptb_add(ptb, "@0x6");
    nacre_ptb_add(ptb, "--assign");
    nacre_ptb_add(ptb, "result");
    begin_call(ptb, w, "register_enclave");
    nacre_ptb_add(ptb, "@%s", w->config);
    nacre_ptb_add(ptb, "result");
    end_call(ptb, w);
}

static int act(struct nacre_ptb *ptb, const struct wish *w, nacre_verify_error *why)
{
    char reason[256] = "";
    int r = NACRE_CHECKED;
    if (ptb->failed) {
        r = nacre_vcmd_unchecked(why, "out of memory");
    } else if (!w->run) {
        nacre_ptb_print(ptb, stdout);
    } else if (nacre_ptb_run(ptb, reason, sizeof reason) != 0) {
        r = nacre_vcmd_unchecked(why, "%s", reason);
    }
    nacre_ptb_free(ptb);
    return r;
}

static int act_all(const struct wish *w, const nacre_verify_doc *doc,
                   const struct nacre_vcmd_buffer *document, nacre_verify_error *why)
{
    struct nacre_ptb ptb = {0};
    int r = NACRE_CHECKED;
    if (w->create || w->update_pcrs) {
        fill_pcrs(&ptb, w, doc);
        r = act(&ptb, w, why);
    }
    if (r == NACRE_CHECKED && !w->create) {
        const struct nacre_canonical c = {w->app_package, w->module, w->canonical, w->gas};
        fill_register(&ptb, w, document);
        if (w->canonical != NULL && w->run) {
            r = nacre_canonical_run(&c, &ptb, why);
            nacre_ptb_free(&ptb);
        } else {
            r = act(&ptb, w, why);
            r = r == NACRE_CHECKED && w->canonical != NULL ? nacre_canonical_print(&c, why) : r;
        }
    }
    if (r == NACRE_CHECKED && fflush(stdout) != 0) {
        r = nacre_vcmd_unchecked(why, "cannot write the commands");
    }
    return r;
}

/* -1 to go on, else the exit code. */
static int read_options(struct nacre_vcmd_options *options, struct wish *w, int argc, char **argv)
{
    const struct nacre_vcmd_word list[] = {
        {.name = "url", .text = &w->url},
        {.name = "document", .text = &w->document},
        {.name = "enclave-package", .text = &w->enclave_package},
        {.name = "app-package", .text = &w->app_package},
        {.name = "module", .text = &w->module},
        {.name = "otw", .text = &w->otw},
        {.name = "config", .text = &w->config},
        {.name = "cap", .text = &w->cap},
        {.name = "canonical", .text = &w->canonical},
        {.name = "name", .text = &w->name},
        {.name = "gas-budget", .text = &w->gas},
        {.name = "update-pcrs", .flag = &w->update_pcrs},
        {.name = "create", .flag = &w->create},
        {.name = "run", .flag = &w->run},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    return nacre_vcmd_read_options(options, argc, argv, help, &words);
}

static int go(const struct nacre_vcmd_options *options, struct wish *w, nacre_verify_report **report,
              nacre_verify_error *why)
{
    struct nacre_vcmd_buffer document = {0};
    int r = check_usage(options, w, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_get_document(options, w->url != NULL ? w->url : w->document,
                                    w->url != NULL ? "/get_attestation" : NULL, &document, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_judge_document(options, &document, report, why);
    }
    const nacre_verify_doc *doc = *report != NULL ? nacre_verify_report_doc(*report) : NULL;
    if (r == NACRE_CHECKED && doc == NULL) {
        r = NACRE_REFUSED;
    }
    if (r == NACRE_CHECKED) {
        r = check_pcrs(*report, why);
    }
    if (r == NACRE_CHECKED) {
        r = check_key(doc, why);
    }
    if (r == NACRE_CHECKED) {
        r = act_all(w, doc, &document, why);
    }
    nacre_vcmd_buffer_free(&document);
    return r;
}

int nacre_cmd_register(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct wish wish = {0};
    nacre_verify_report *report = NULL;
    nacre_verify_error why = {.text = ""};
    int code = read_options(&options, &wish, argc, argv);
    if (code < 0) {
        code = go(&options, &wish, &report, &why);
        if (code == NACRE_UNCHECKED) {
            (void)fprintf(stderr, "%s: not registered: %s\n", options.program, why.text);
        } else if (code == NACRE_REFUSED) {
            struct nacre_vcmd_verdict verdict = {0};
            nacre_vcmd_add_report(&verdict, "document", report);
            nacre_vcmd_print_text(stderr, &verdict);
        }
    }
    nacre_verify_report_free(report);
    nacre_verify_policy_free(options.policy);
    return code;
}
