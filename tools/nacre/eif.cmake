# The subcommands of `nacre eif`. A library, so that the unit tests link what the program runs.
file(GLOB eif_sources CONFIGURE_DEPENDS eif/*.c)
list(FILTER eif_sources EXCLUDE REGEX "/cmd_[a-z]+\\.c$")
file(GLOB eif_commands CONFIGURE_DEPENDS eif/cmd_*.c)
add_library(nacre_tool_eif STATIC ${eif_sources})
target_link_libraries(nacre_tool_eif PUBLIC nacre_tool nacre-json PkgConfig::crypto PkgConfig::zlib)
target_sources(nacre PRIVATE ${eif_commands})
target_link_libraries(nacre PRIVATE nacre_tool_eif)
