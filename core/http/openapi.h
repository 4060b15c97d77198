/* openapi.h - the OpenAPI 3.1 document of an app, from the field tables in its manifest. Written once, at start. */
#ifndef NACRE_HTTP_OPENAPI_H
#define NACRE_HTTP_OPENAPI_H

#include "common/json_write.h"
#include "common/manifest.h"

/*
 * Writes the document into *out, which must be zeroed and becomes the caller's; `served` adds what only who serves it
 * knows: the configuration that counts. 0 or -ENOMEM.
 */
int nacre_openapi_write(struct nacre_json_out *out, const struct nacre_manifest *manifest, bool served);

/* openapi_server.c: its "servers", with a comma behind. */
void nacre_openapi_server(struct nacre_json_out *out, const struct nacre_config *config);

#endif
