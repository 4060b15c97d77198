# The page that `nacre verify --page` writes, built into the program.
set(verify_page_root "${CMAKE_SOURCE_DIR}/verify/page")
set(verify_page_text "${CMAKE_CURRENT_BINARY_DIR}/verify_page_text.c")
add_custom_command(OUTPUT "${verify_page_text}"
  COMMAND ${CMAKE_COMMAND} "-DROOT=${verify_page_root}" -DFILES=nacre-verify.html -DTABLE=nacre_verify_pages
    -DHEADER=verify_page.h "-DOUTPUT=${verify_page_text}" -P "${CMAKE_SOURCE_DIR}/tools/cmake/NacreEmbed.cmake"
  DEPENDS "${verify_page_root}/nacre-verify.html" "${CMAKE_SOURCE_DIR}/tools/cmake/NacreEmbed.cmake" VERBATIM)
target_sources(nacre PRIVATE "${verify_page_text}")
