/* openapi.h - the OpenAPI 3.1 document of an app, from the field tables in its manifest. Written once, at start. */
#ifndef NACRE_HTTP_OPENAPI_H
#define NACRE_HTTP_OPENAPI_H

#include "common/json_write.h"
#include "common/manifest.h"

/* Writes the document into *out, which must be zeroed and becomes the caller's. 0 or -ENOMEM. */
int nacre_openapi_write(struct nacre_json_out *out, const struct nacre_manifest *manifest);

#endif
