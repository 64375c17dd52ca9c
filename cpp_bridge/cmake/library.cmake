# libedgeseg, static and shared: what it needs, which engines it has, and how it is installed.
set(EDGESEG_MISSING "")
if(EDGESEG_LIBRARY)
  find_package(nlohmann_json 3.9 QUIET)
  find_package(OpenSSL 1.1.1 QUIET COMPONENTS Crypto)
  find_package(PNG QUIET)
  if(NOT nlohmann_json_FOUND)
    list(APPEND EDGESEG_MISSING nlohmann-json3-dev)
  endif()
  if(NOT OPENSSL_FOUND)
    list(APPEND EDGESEG_MISSING libssl-dev)
  endif()
  if(NOT PNG_FOUND)
    list(APPEND EDGESEG_MISSING libpng-dev)
  endif()
endif()
if(EDGESEG_MISSING)
  string(REPLACE ";" " " EDGESEG_MISSING "${EDGESEG_MISSING}")
  if(NOT EDGESEG_LIBRARY STREQUAL AUTO)
    message(FATAL_ERROR "libedgeseg needs: ${EDGESEG_MISSING} (Debian's names)")
  endif()
  message(STATUS "libedgeseg is left out, as it needs: ${EDGESEG_MISSING} (Debian's names)")
endif()
if(NOT EDGESEG_LIBRARY OR EDGESEG_MISSING)
  set(EDGESEG_LIBRARY OFF)
  return()
endif()

add_library(edgeseg_runtime OBJECT
  src/abi/abi.cpp
  src/abi/guard.cpp
  src/bundle/bundle.cpp
  src/bundle/measured.cpp
  src/bundle/file.cpp
  src/bundle/json.cpp
  src/bundle/onnx_wire.cpp
  src/bundle/png.cpp
  src/bundle/spec.cpp
  src/bundle/spec_json.cpp
  src/engines/cache.cpp
  src/engines/engines.cpp
  src/engines/processor.cpp
  src/golden.cpp
  src/segmenter.cpp
)
target_include_directories(edgeseg_runtime PRIVATE include src)
target_compile_definitions(edgeseg_runtime PRIVATE EDGESEG_VERSION="${EDGESEG_VERSION}")
find_package(Threads REQUIRED)
set(EDGESEG_LINKS OpenSSL::Crypto PNG::PNG Threads::Threads ${CMAKE_DL_LIBS})

set(EDGESEG_ENGINES "")
if(EDGESEG_WITH_OPENVINO)
  if(OpenVINO_DIR AND NOT EXISTS ${OpenVINO_DIR}/OpenVINOConfig.cmake)
    message(FATAL_ERROR "OpenVINO_DIR is ${OpenVINO_DIR}, where no OpenVINOConfig.cmake lies: set it to that file's folder")
  endif()
  find_package(OpenVINO CONFIG QUIET)
  if(OpenVINO_FOUND)
    list(APPEND EDGESEG_ENGINES "openvino (${OpenVINO_VERSION})")
    target_sources(edgeseg_runtime PRIVATE src/engines/openvino.cpp)
    target_compile_definitions(edgeseg_runtime PRIVATE EDGESEG_OPENVINO)
    list(APPEND EDGESEG_LINKS openvino::runtime)
  elseif(NOT EDGESEG_WITH_OPENVINO STREQUAL AUTO)
    message(FATAL_ERROR "OpenVINO is not found: set OpenVINO_DIR to the folder of OpenVINOConfig.cmake")
  endif()
endif()
if(EDGESEG_WITH_ONNXRUNTIME)
  find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_c_api.h PATH_SUFFIXES onnxruntime onnxruntime/core/session)
  if(ONNXRUNTIME_INCLUDE_DIR AND NOT EXISTS ${ONNXRUNTIME_INCLUDE_DIR}/onnxruntime_c_api.h)
    message(FATAL_ERROR "ONNXRUNTIME_INCLUDE_DIR is ${ONNXRUNTIME_INCLUDE_DIR}, where no onnxruntime_c_api.h lies: set it to "
      "the header's folder")
  endif()
  if(ONNXRUNTIME_INCLUDE_DIR)
    list(APPEND EDGESEG_ENGINES "onnxruntime (${ONNXRUNTIME_INCLUDE_DIR})")
    target_sources(edgeseg_runtime PRIVATE src/engines/onnxruntime.cpp)
    target_compile_definitions(edgeseg_runtime PRIVATE EDGESEG_ONNXRUNTIME)
    target_include_directories(edgeseg_runtime SYSTEM PRIVATE ${ONNXRUNTIME_INCLUDE_DIR})
  elseif(NOT EDGESEG_WITH_ONNXRUNTIME STREQUAL AUTO)
    message(FATAL_ERROR "onnxruntime_c_api.h is not found: set ONNXRUNTIME_INCLUDE_DIR to its folder")
  endif()
endif()
include(cmake/tensorrt.cmake)
if(EDGESEG_ENGINES)
  string(REPLACE ";" ", " EDGESEG_ENGINES "${EDGESEG_ENGINES}")
  message(STATUS "libedgeseg: engines ${EDGESEG_ENGINES}")
else()
  message(WARNING "libedgeseg is built without an engine, and runs only those that a program brings: set OpenVINO_DIR, or "
    "ONNXRUNTIME_INCLUDE_DIR, as docs/cpp.md says")
endif()
target_link_libraries(edgeseg_runtime PRIVATE edgeseg_flags nlohmann_json::nlohmann_json ${EDGESEG_LINKS})

set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)  # runtimes and an FFmpeg of one's own are found after installation too
set(EDGESEG_OBJECTS ${EDGESEG_KERNELS} $<TARGET_OBJECTS:edgeseg_runtime> ${EDGESEG_CARD})
add_library(edgeseg_shared SHARED ${EDGESEG_OBJECTS})
add_library(edgeseg_static STATIC ${EDGESEG_OBJECTS})
add_library(edgeseg::edgeseg ALIAS edgeseg_shared)
add_library(edgeseg::static ALIAS edgeseg_static)
set_target_properties(edgeseg_shared edgeseg_static PROPERTIES OUTPUT_NAME edgeseg LINKER_LANGUAGE CXX)
set_target_properties(edgeseg_shared PROPERTIES
  EXPORT_NAME edgeseg VERSION ${EDGESEG_VERSION} SOVERSION 1  # EDGESEG_ABI
)
set_target_properties(edgeseg_static PROPERTIES EXPORT_NAME static)
foreach(kind edgeseg_shared edgeseg_static)
  target_include_directories(${kind} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_compile_features(${kind} PUBLIC cxx_std_17)
  target_link_libraries(${kind} PRIVATE $<BUILD_INTERFACE:edgeseg_flags> ${EDGESEG_LINKS})
endforeach()
# C++'s runtime, which a C compiler that links the static library does not name.
set(EDGESEG_CXX_RUNTIME ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(FILTER EDGESEG_CXX_RUNTIME INCLUDE REGEX "^(stdc\\+\\+|c\\+\\+|m)$")
list(REMOVE_DUPLICATES EDGESEG_CXX_RUNTIME)
target_link_libraries(edgeseg_static INTERFACE ${EDGESEG_CXX_RUNTIME})
# Templates of the standard library that were compiled in stay inside.
target_link_options(edgeseg_shared PRIVATE
  -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/cmake/exports.map -Wl,--no-undefined)
if(EDGESEG_SANITIZE OR EDGESEG_SANITIZE_THREADS)  # their symbols are the program's
  target_link_options(edgeseg_shared PRIVATE -Wl,--undefined-version -Wl,-z,undefs)
endif()

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(EDGESEG_PACKAGE ${CMAKE_INSTALL_LIBDIR}/cmake/edgeseg)
install(TARGETS edgeseg_shared edgeseg_static EXPORT edgeseg
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/edgeseg.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/edgeseg DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT edgeseg NAMESPACE edgeseg:: FILE edgesegTargets.cmake DESTINATION ${EDGESEG_PACKAGE})
configure_package_config_file(cmake/edgesegConfig.cmake.in edgesegConfig.cmake INSTALL_DESTINATION ${EDGESEG_PACKAGE})
write_basic_package_version_file(edgesegConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# `cmake --install --prefix` may choose another prefix than that of configuring: pkg-config finds it from where its file
# lies. A folder that is absolute stays where it is.
set(EDGESEG_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  file(RELATIVE_PATH EDGESEG_PC_UP /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" EDGESEG_PC_UP "${EDGESEG_PC_UP}")
  set(EDGESEG_PC_PREFIX "\${pcfiledir}/${EDGESEG_PC_UP}")
endif()
foreach(folder LIBDIR INCLUDEDIR)
  set(EDGESEG_PC_${folder} ${CMAKE_INSTALL_${folder}})
  if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_${folder}})
    set(EDGESEG_PC_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
  endif()
endforeach()
set(EDGESEG_PC_PRIVATE -pthread)  # beside libcrypto and libpng
if(openvino::runtime IN_LIST EDGESEG_LINKS)
  list(APPEND EDGESEG_PC_PRIVATE $<TARGET_FILE:openvino::runtime>)
endif()
if(EDGESEG_NEEDS_CUDA)
  list(APPEND EDGESEG_PC_PRIVATE ${TENSORRT_LIBRARY} $<TARGET_FILE:CUDA::cudart_static> -lrt)
endif()
foreach(library ${EDGESEG_CXX_RUNTIME} ${CMAKE_DL_LIBS})
  list(APPEND EDGESEG_PC_PRIVATE -l${library})
endforeach()
string(REPLACE ";" " " EDGESEG_PC_PRIVATE "${EDGESEG_PC_PRIVATE}")
configure_file(cmake/edgeseg.pc.in edgeseg.pc.configured @ONLY)
file(GENERATE OUTPUT edgeseg.pc INPUT ${CMAKE_CURRENT_BINARY_DIR}/edgeseg.pc.configured)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/edgesegConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/edgesegConfigVersion.cmake
  DESTINATION ${EDGESEG_PACKAGE})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/edgeseg.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
