# What lets others build plugins against an installed nacre: the CMake package and the pkg-config file. The programs,
# libraries and headers are installed where they are built.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nacre")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/nacreConfig.cmake.in" "${CMAKE_BINARY_DIR}/nacreConfig.cmake"
  INSTALL_DESTINATION "${package_dir}" PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/nacreConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/nacreConfig.cmake" "${CMAKE_BINARY_DIR}/nacreConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/NacrePlugin.cmake" DESTINATION "${package_dir}")

# Below share/, two levels under the prefix wherever that is: the file holds no absolute path.
configure_file("${CMAKE_CURRENT_LIST_DIR}/nacre.pc.in" "${CMAKE_BINARY_DIR}/nacre.pc" @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/nacre.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
