# Builds the library with cargo and offers it as the targets of the installed package: millpond::millpond (shared) and
# millpond::millpond_static; with MILLPOND_PREFIX millpond_prefixed::millpond_prefixed and ..._static, so that both
# libraries may be installed side by side.

include("${CMAKE_CURRENT_LIST_DIR}/system_libs.cmake")

find_program(MILLPOND_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT MILLPOND_CARGO)
  message(FATAL_ERROR
    "Millpond is written in Rust and cargo was not found. Install Rust (https://rustup.rs), or say where cargo is: "
    "-DMILLPOND_CARGO=/path/to/cargo")
endif()

set(MILLPOND_NAME millpond)
set(MILLPOND_DEFINITIONS "")
set(cargo_flags "")
set(target_dir "${MILLPOND_TARGET_DIR}")
if(MILLPOND_PREFIX)
  set(MILLPOND_NAME millpond_prefixed)
  set(MILLPOND_DEFINITIONS MILLPOND_PREFIX)
  set(cargo_flags --features prefix)
  set(target_dir "${MILLPOND_TARGET_DIR}/prefixed")
endif()

set(lib_dir "${CMAKE_CURRENT_BINARY_DIR}/lib")
set(so_link "lib${MILLPOND_NAME}.so")
set(so_name "lib${MILLPOND_NAME}.so.${PROJECT_VERSION_MAJOR}")
set(so_file "lib${MILLPOND_NAME}.so.${PROJECT_VERSION}")

file(GLOB_RECURSE rust_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/src/*")
file(GLOB cargo_files CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml"
  "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.lock"
  "${CMAKE_CURRENT_SOURCE_DIR}/build.rs")

# Copied out of cargo's folder because the loader asks for the SONAME, and cargo writes only the plain name. A target
# set in the environment would move cargo's output to another folder.
add_custom_command(
  OUTPUT "${lib_dir}/${so_file}" "${lib_dir}/lib${MILLPOND_NAME}.a"
  BYPRODUCTS "${lib_dir}/${so_name}" "${lib_dir}/${so_link}"
  COMMAND "${CMAKE_COMMAND}" -E env --unset=CARGO_BUILD_TARGET
    "${MILLPOND_CARGO}" build --release --lib ${cargo_flags}
    --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml" --target-dir "${target_dir}"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${lib_dir}"
  COMMAND "${CMAKE_COMMAND}" -E copy "${target_dir}/release/libmillpond.so" "${lib_dir}/${so_file}"
  COMMAND "${CMAKE_COMMAND}" -E copy "${target_dir}/release/libmillpond.a" "${lib_dir}/lib${MILLPOND_NAME}.a"
  COMMAND "${CMAKE_COMMAND}" -E touch "${lib_dir}/${so_file}" "${lib_dir}/lib${MILLPOND_NAME}.a"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink "${so_file}" "${lib_dir}/${so_name}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink "${so_name}" "${lib_dir}/${so_link}"
  DEPENDS ${rust_sources} ${cargo_files}
  WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
  COMMENT "Building Millpond with cargo"
  VERBATIM)
add_custom_target(${MILLPOND_NAME}_cargo ALL DEPENDS "${lib_dir}/${so_file}" "${lib_dir}/lib${MILLPOND_NAME}.a")

add_library(${MILLPOND_NAME}::${MILLPOND_NAME} SHARED IMPORTED GLOBAL)
set_target_properties(${MILLPOND_NAME}::${MILLPOND_NAME} PROPERTIES
  IMPORTED_LOCATION "${lib_dir}/${so_file}"
  IMPORTED_SONAME "${so_name}"
  INTERFACE_COMPILE_DEFINITIONS "${MILLPOND_DEFINITIONS}"
  INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_SOURCE_DIR}/include;${CMAKE_CURRENT_SOURCE_DIR}/bindings/cpp/include")

add_library(${MILLPOND_NAME}::${MILLPOND_NAME}_static STATIC IMPORTED GLOBAL)
set_target_properties(${MILLPOND_NAME}::${MILLPOND_NAME}_static PROPERTIES
  IMPORTED_LOCATION "${lib_dir}/lib${MILLPOND_NAME}.a"
  INTERFACE_LINK_LIBRARIES "${MILLPOND_SYSTEM_LIBS}"
  INTERFACE_COMPILE_DEFINITIONS "${MILLPOND_DEFINITIONS}"
  INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_SOURCE_DIR}/include;${CMAKE_CURRENT_SOURCE_DIR}/bindings/cpp/include")

add_dependencies(${MILLPOND_NAME}::${MILLPOND_NAME} ${MILLPOND_NAME}_cargo)
add_dependencies(${MILLPOND_NAME}::${MILLPOND_NAME}_static ${MILLPOND_NAME}_cargo)
