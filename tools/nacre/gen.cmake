# The subcommands of `nacre plugin` that read a descriptor, and the one that writes a new plugin.
set(gen_templates client.ts new/CMakeLists.txt new/Makefile new/README.md new/allowed_endpoints.yaml new/plugin.c
  new/test.sh)
set(gen_template_root "${CMAKE_CURRENT_SOURCE_DIR}/templates")
list(TRANSFORM gen_templates PREPEND "${gen_template_root}/" OUTPUT_VARIABLE gen_template_files)
list(JOIN gen_templates "," gen_template_names)
add_custom_command(OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/plugin_templates.c"
  COMMAND ${CMAKE_COMMAND} "-DROOT=${gen_template_root}" "-DFILES=${gen_template_names}"
    "-DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/plugin_templates.c" -P "${CMAKE_SOURCE_DIR}/tools/cmake/NacreEmbed.cmake"
  DEPENDS ${gen_template_files} "${CMAKE_SOURCE_DIR}/tools/cmake/NacreEmbed.cmake" VERBATIM)

add_library(nacre_tool_gen STATIC
  plugin_endpoints.c plugin_gen.c plugin_move.c plugin_move_names.c plugin_names.c plugin_new.c plugin_open.c
  plugin_openapi.c plugin_show.c
  plugin_template.c plugin_ts.c plugin_ts_names.c plugin_types.c "${CMAKE_CURRENT_BINARY_DIR}/plugin_templates.c")
# The document is written by the code that serves it; of nacre-http's libraries nothing is used here, so none is linked.
target_link_libraries(nacre_tool_gen PUBLIC nacre_tool nacre-json nacre-http-parts)
target_link_libraries(nacre PRIVATE nacre_tool_gen)
