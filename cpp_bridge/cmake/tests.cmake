# ctest: the kernels, the CUDA kernels compiled as C++, and the library with a bundle of this repository.
add_executable(edgeseg_tests tests/kernels.cpp)
target_link_libraries(edgeseg_tests PRIVATE edgeseg_core edgeseg_flags)
add_test(NAME kernels COMMAND edgeseg_tests)
add_executable(edgeseg_cuda_tests tests/cuda.cpp)  # the CUDA kernels compiled as C++
target_link_libraries(edgeseg_cuda_tests PRIVATE edgeseg_core edgeseg_flags)
add_test(NAME cuda_kernels COMMAND edgeseg_cuda_tests)
# Clang's -Wconversion has more in it than GCC's; the sizes in these two are small.
set_source_files_properties(tests/kernels.cpp tests/cuda.cpp PROPERTIES
  COMPILE_OPTIONS $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>)
find_program(EDGESEG_NVCC nvcc)
if(EDGESEG_NVCC)  # needs no GPU: to PTX for every one from Turing on
  add_test(NAME cuda_compiles COMMAND ${EDGESEG_NVCC} -fmad=false -std=c++17 -arch=compute_75 --ptx
    -Werror all-warnings -I ${CMAKE_CURRENT_SOURCE_DIR}/include -o ${CMAKE_CURRENT_BINARY_DIR}/mask.ptx
    ${CMAKE_CURRENT_SOURCE_DIR}/cuda/mask.cu)
endif()

if(EDGESEG_LIBRARY)
  set(EDGESEG_TEST_ONNXRUNTIME "" CACHE FILEPATH "libonnxruntime.so of the tests; by default the system's")
  set(EDGESEG_ROAD ${CMAKE_CURRENT_SOURCE_DIR}/../edgeseg/bundles/road-nano)
  foreach(name abi allocations bundle segmenter threads)
    add_executable(edgeseg_${name}_tests tests/${name}.cpp)
    target_link_libraries(edgeseg_${name}_tests PRIVATE edgeseg_shared edgeseg_flags)
    add_test(NAME ${name} COMMAND edgeseg_${name}_tests ${EDGESEG_ROAD})
    if(EDGESEG_TEST_ONNXRUNTIME)
      set_tests_properties(${name} PROPERTIES ENVIRONMENT EDGESEG_ONNXRUNTIME=${EDGESEG_TEST_ONNXRUNTIME})
    endif()
  endforeach()
  add_executable(edgeseg_cache_tests tests/cache.cpp)  # asked by tests/cpp/test_cache.py
  target_include_directories(edgeseg_cache_tests PRIVATE src)
  target_link_libraries(edgeseg_cache_tests PRIVATE edgeseg_static edgeseg_flags)
  # The engine tensorrt's parts that need no TensorRT: its plans, and its masks, where CUDA's toolkit is.
  add_executable(edgeseg_plan_tests tests/plan.cpp src/engines/tensorrt/plan.cpp src/engines/tensorrt/notes.cpp)
  target_include_directories(edgeseg_plan_tests PRIVATE src)
  target_link_libraries(edgeseg_plan_tests PRIVATE edgeseg_static edgeseg_flags nlohmann_json::nlohmann_json)
  if(EDGESEG_HAS_CUDA)
    add_executable(edgeseg_card_tests tests/card.cpp $<TARGET_OBJECTS:edgeseg_card>)
    target_include_directories(edgeseg_card_tests PRIVATE src)
    target_link_libraries(edgeseg_card_tests PRIVATE edgeseg_static edgeseg_flags CUDA::cudart_static)
    add_test(NAME card COMMAND edgeseg_card_tests)
  endif()
  include(cmake/stand_in.cmake)
  add_executable(edgeseg_vectors_tests tests/vectors.cpp)
  target_link_libraries(edgeseg_vectors_tests PRIVATE edgeseg_shared edgeseg_flags nlohmann_json::nlohmann_json
    OpenSSL::Crypto)
  add_test(NAME golden_vectors COMMAND edgeseg_vectors_tests ${CMAKE_CURRENT_SOURCE_DIR}/tests/vectors.json)
endif()

# Those with threads, for ThreadSanitizer: what the target `edgeseg_threaded` builds, `ctest -L threads` runs.
add_custom_target(edgeseg_threaded)
foreach(name live pipeline segmenter tensorrt_engine threads)
  if(TEST ${name})
    add_dependencies(edgeseg_threaded edgeseg_${name}_tests)
    set_property(TEST ${name} PROPERTY LABELS threads)
  endif()
endforeach()
