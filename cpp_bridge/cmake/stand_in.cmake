# The engine tensorrt, compiled against declarations of TensorRT and run with a stand-in for card and runtime, on any machine
# with the headers of CUDA's toolkit. tests/tensorrt/stand_in.hpp says what that shows.
find_path(EDGESEG_CUDA_INCLUDE_DIR cuda_runtime_api.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV CUDA_PATH
  PATHS /usr/local/cuda PATH_SUFFIXES include)
if(CMAKE_CROSSCOMPILING OR NOT EDGESEG_CUDA_INCLUDE_DIR)
  message(STATUS "the engine tensorrt is not tested, as that needs the headers of CUDA's toolkit")
  return()
endif()
add_library(edgeseg_stand_in OBJECT
  src/engines/engines.cpp
  src/engines/tensorrt/card.cpp
  src/engines/tensorrt/notes.cpp
  src/engines/tensorrt/plan.cpp
  src/engines/tensorrt/tensorrt.cpp
  tests/tensorrt/cuda.cpp
  tests/tensorrt/kernels.cpp
  tests/tensorrt/memory.cpp
  tests/tensorrt/runtime.cpp
  tests/tensorrt/streams.cpp
)
target_compile_definitions(edgeseg_stand_in PRIVATE EDGESEG_TENSORRT)
target_include_directories(edgeseg_stand_in PUBLIC include src tests tests/tensorrt)
target_include_directories(edgeseg_stand_in SYSTEM PUBLIC ${EDGESEG_CUDA_INCLUDE_DIR})
target_link_libraries(edgeseg_stand_in PUBLIC edgeseg_flags nlohmann_json::nlohmann_json OpenSSL::Crypto)
add_library(edgeseg_tensorrt_11 OBJECT src/engines/tensorrt/tensorrt.cpp)  # compiled alone
target_compile_definitions(edgeseg_tensorrt_11 PRIVATE EDGESEG_TENSORRT_11)
target_include_directories(edgeseg_tensorrt_11 PRIVATE include src)
target_include_directories(edgeseg_tensorrt_11 SYSTEM PRIVATE tests/tensorrt ${EDGESEG_CUDA_INCLUDE_DIR})
target_link_libraries(edgeseg_tensorrt_11 PRIVATE edgeseg_flags)
foreach(name engine failures)
  add_executable(edgeseg_tensorrt_${name}_tests tests/tensorrt/${name}.cpp)
  target_link_libraries(edgeseg_tensorrt_${name}_tests PRIVATE edgeseg_stand_in edgeseg_static)
  add_test(NAME tensorrt_${name} COMMAND edgeseg_tensorrt_${name}_tests ${EDGESEG_ROAD})
endforeach()
add_executable(edgeseg_tensorrt_card_tests tests/card.cpp)
target_link_libraries(edgeseg_tensorrt_card_tests PRIVATE edgeseg_stand_in edgeseg_static)
add_test(NAME tensorrt_card COMMAND edgeseg_tensorrt_card_tests)
