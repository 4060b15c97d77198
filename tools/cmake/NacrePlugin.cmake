# nacre_add_plugin(NAME SOURCES...): one app as a shared object that exports its descriptor and nothing else.
#
# The target is plugin-NAME; the results are ${NACRE_OUT}/plugins/NAME/NAME.so and, beside it, copies of the app's
# allowed_endpoints.yaml and, where it has one, of its configuration nacre.yaml. A plugin is compiled against include/ alone and linked with nothing of the runtime.
# Libraries that an app needs are added by its author with target_link_libraries(plugin-NAME PRIVATE ...) and
# linked statically: what they export stays hidden.
set(NACRE_PLUGIN_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/../../include")

function(nacre_add_plugin name)
  set(target plugin-${name})
  set(out "${NACRE_OUT}/plugins/${name}")
  add_library(${target} MODULE ${ARGN})
  target_include_directories(${target} PRIVATE "${NACRE_PLUGIN_INCLUDE}")
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} PREFIX "" SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY "${out}"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden)
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  if(NACRE_SANITIZE STREQUAL "")
    # A sanitizer's runtime is in the program that loads the plugin, so its symbols are open here.
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()

  set(copies "")
  foreach(file allowed_endpoints.yaml nacre.yaml)
    set(source "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
    if(file STREQUAL "nacre.yaml" AND NOT EXISTS "${source}")
      continue()
    endif()
    add_custom_command(OUTPUT "${out}/${file}"
      COMMAND "${CMAKE_COMMAND}" -E make_directory "${out}"
      COMMAND "${CMAKE_COMMAND}" -E copy "${source}" "${out}/${file}"
      DEPENDS "${source}" VERBATIM)
    list(APPEND copies "${out}/${file}")
  endforeach()
  add_custom_target(${target}-allow ALL DEPENDS ${copies})
  add_dependencies(${target} ${target}-allow)
endfunction()
