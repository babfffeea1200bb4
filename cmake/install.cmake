# The one list of what is installed; `make install` uses it too.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/${MILLPOND_NAME}")

configure_package_config_file(
  cmake/millpondConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/${MILLPOND_NAME}Config.cmake"
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(
  "${CMAKE_CURRENT_BINARY_DIR}/${MILLPOND_NAME}ConfigVersion.cmake"
  VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion)

# Paths in the .pc file hang on the file's own place, so that the tree may be moved; a folder given as an absolute path
# stays one.
file(RELATIVE_PATH pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
foreach(kind LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}}")
    set(pc_${kind} "${CMAKE_INSTALL_${kind}}")
  else()
    set(pc_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  endif()
endforeach()
list(TRANSFORM MILLPOND_DEFINITIONS PREPEND " -D" OUTPUT_VARIABLE pc_definitions)
string(REPLACE ";" " " pc_private "${MILLPOND_SYSTEM_LIBS}")
configure_file(cmake/millpond.pc.in "${CMAKE_CURRENT_BINARY_DIR}/${MILLPOND_NAME}.pc" @ONLY)

install(FILES
  "${lib_dir}/${so_file}" "${lib_dir}/${so_name}" "${lib_dir}/${so_link}" "${lib_dir}/lib${MILLPOND_NAME}.a"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(DIRECTORY bindings/cpp/include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${MILLPOND_NAME}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/${MILLPOND_NAME}Config.cmake" "${CMAKE_CURRENT_BINARY_DIR}/${MILLPOND_NAME}ConfigVersion.cmake"
  DESTINATION "${package_dir}")
install(FILES LICENSE-MIT LICENSE-APACHE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/millpond")
