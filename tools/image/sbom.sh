#!/bin/sh
# Prints the bill of materials of an image as SPDX 2.3 (JSON) from its record: sbom.sh IMAGE_MANIFEST
# The image contains nacre and what its files are from; everything else of the tree that it was built in is a build tool.
# Nothing in it is not in the record, so the same image gives the same bytes.
set -eu
awk '
function quote(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}
function package(id, name, version, sums, purl) {
    packages = packages (packages == "" ? "" : ",\n") "    {\"SPDXID\": " quote(id) ", \"name\": " quote(name) \
        (version == "" ? "" : ", \"versionInfo\": " quote(version)) \
        ", \"downloadLocation\": \"NOASSERTION\", \"filesAnalyzed\": false" \
        (sums == "" ? "" : ", \"checksums\": [" sums "]") \
        (purl == "" ? "" : ", \"externalRefs\": [{\"referenceCategory\": \"PACKAGE-MANAGER\"," \
        " \"referenceType\": \"purl\", \"referenceLocator\": " quote(purl) "}]") "}"
}
function relate(from, how, to) {
    relations = relations (relations == "" ? "" : ",\n") "    {\"spdxElementId\": " quote(from) \
        ", \"relationshipType\": " quote(how) ", \"relatedSpdxElement\": " quote(to) "}"
}
function sum(kind, value) {
    return "{\"algorithm\": " quote(kind) ", \"checksumValue\": " quote(value) "}"
}
function id_of(name) {
    gsub(/[^A-Za-z0-9.-]/, "-", name) # what an identifier may hold
    return "SPDXRef-" name
}
function encoded(version) {
    gsub(/%/, "%25", version)
    gsub(/\+/, "%2B", version)
    gsub(/:/, "%3A", version)
    gsub(/~/, "%7E", version)
    return version
}
$1 == "output" { sha256[$2] = $4; sha384[$2] = $5 }
$1 == "runtime" { split($6, from, "="); used[from[1]] = 1 }
$1 == "package" { name[++n] = $2; version[n] = $3; digest[n] = $4 }
END {
    if (sha384["nitro.eif"] == "" || n == 0) {
        print "sbom: this is no record of an image" >"/dev/stderr"
        exit 1
    }
    package("SPDXRef-image", "nitro.eif", "", sum("SHA256", sha256["nitro.eif"]) ", " sum("SHA384", sha384["nitro.eif"]))
    relate("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image")
    package("SPDXRef-nacre", "nacre", "", "")
    relate("SPDXRef-image", "CONTAINS", "SPDXRef-nacre")
    package("SPDXRef-kernel", "bzImage", "", sum("SHA256", sha256["bzImage"]) ", " sum("SHA384", sha384["bzImage"]))
    relate("SPDXRef-image", "CONTAINS", "SPDXRef-kernel")
    package("SPDXRef-app", "app.cpio.gz", "", sum("SHA256", sha256["app.cpio.gz"]) ", " sum("SHA384", sha384["app.cpio.gz"]))
    relate("SPDXRef-image", "CONTAINS", "SPDXRef-app")
    for (i = 1; i <= n; i++) {
        id = id_of(name[i])
        package(id, name[i], version[i], sum("SHA256", digest[i]), "pkg:deb/debian/" name[i] "@" encoded(version[i]))
        if (name[i] ~ /^linux-source/)
            relate("SPDXRef-kernel", "GENERATED_FROM", id)
        else if (name[i] in used)
            relate("SPDXRef-image", "CONTAINS", id)
        else
            relate(id, "BUILD_TOOL_OF", "SPDXRef-image")
    }
    print "{\n  \"spdxVersion\": \"SPDX-2.3\",\n  \"dataLicense\": \"CC0-1.0\",\n  \"SPDXID\": \"SPDXRef-DOCUMENT\","
    print "  \"name\": \"nacre enclave image\","
    print "  \"documentNamespace\": \"urn:nacre:image:sha384:" sha384["nitro.eif"] "\","
    print "  \"creationInfo\": {\"created\": \"1970-01-01T00:00:00Z\", \"creators\": [\"Tool: nacre-image\"]},"
    print "  \"packages\": [\n" packages "\n  ],\n  \"relationships\": [\n" relations "\n  ]\n}"
}' "$1"
