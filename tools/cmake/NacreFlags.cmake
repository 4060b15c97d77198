# Compiler and linker flags for every target of the tree.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_compile_options(
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wformat=2
  -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wcast-qual -Wno-sign-conversion
  -fno-strict-aliasing -fno-common -fstack-protector-strong)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
  add_compile_options(-fcf-protection=full -fstack-clash-protection)
endif()
if(NACRE_WERROR)
  add_compile_options(-Werror)
endif()
add_compile_definitions(_GNU_SOURCE NACRE_VERSION="${PROJECT_VERSION}")
# Two builds in two directories must give the same bytes; the build's directory would be in the debug information, and
# by that in the build id, which is what remains of it in a stripped program.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)

include(CheckPIESupported)
check_pie_supported()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)

if(NACRE_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(NACRE_SANITIZED=1)
elseif(NACRE_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
  add_compile_definitions(NACRE_SANITIZED=1)
elseif(NACRE_SANITIZE STREQUAL "")
  # Fortify needs optimisation and gets in the sanitizers' way.
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
else()
  message(FATAL_ERROR "NACRE_SANITIZE is '${NACRE_SANITIZE}', expected address, thread or empty")
endif()
if(NACRE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
