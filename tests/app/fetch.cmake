# Tests of nacre-fetch.so; included by CMakeLists.txt.
set(dir "${CMAKE_CURRENT_LIST_DIR}")
set(module_dir "${CMAKE_SOURCE_DIR}/core/app/fetch")
foreach(unit url request body)
  nacre_add_test(test_fetch_${unit}
    SOURCES ${dir}/test_fetch_${unit}.c ${module_dir}/${unit}.c ${module_dir}/memory.c
    LIBS nacre-common PkgConfig::curl)
endforeach()
nacre_add_test(test_fetch_memory SOURCES ${dir}/test_fetch_memory.c ${module_dir}/memory.c
  LIBS nacre-common -Wl,--wrap=free)

foreach(unit fetch fetch_tls fetch_faults fetch_threads fetch_writes)
  nacre_add_test(test_${unit}
    SOURCES ${dir}/test_${unit}.c ${dir}/fetch_support.c ${dir}/fetch_broker.c ${dir}/fetch_confine.c
            "${CMAKE_SOURCE_DIR}/core/app/sandbox.c"
    LIBS nacre-common ${CMAKE_DL_LIBS}
    DEFS "NACRE_FETCH_SO=\"$<TARGET_FILE:nacre-fetch>\"" "NACRE_TEST_SOURCE=\"${CMAKE_SOURCE_DIR}\"")
  add_dependencies(test_${unit} nacre-fetch)
endforeach()
set_target_properties(test_fetch_writes PROPERTIES ENABLE_EXPORTS ON) # its send() is to be libcurl's
