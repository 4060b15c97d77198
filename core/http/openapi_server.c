#include "openapi.h"

/* Who can read along: OpenAPI has no better place for it than beside the address. */
void nacre_openapi_server(struct nacre_json_out *out, const struct nacre_config *config)
{
    nacre_json_lit(out, "\"servers\":[{\"url\":\"/\",\"description\":\"");
    nacre_json_lit(out,
                   nacre_config_tls(config)
                       ? "HTTPS that ends in the enclave. Its key is attested: user_data.tls of the document"
                       : "Plain HTTP: whoever is on the way, the parent instance first, can read and change "
                         "requests, and read answers");
    nacre_json_lit(out, "\"}],");
}
