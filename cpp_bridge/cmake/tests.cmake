# ctest: the kernels, the CUDA kernels compiled as C++, and the library with a bundle of this repository.
add_executable(edgeseg_tests tests/kernels.cpp)
target_link_libraries(edgeseg_tests PRIVATE edgeseg_core edgeseg_flags)
add_test(NAME kernels COMMAND edgeseg_tests)
add_executable(edgeseg_cuda_tests tests/cuda.cpp)  # the CUDA kernels compiled as C++
target_link_libraries(edgeseg_cuda_tests PRIVATE edgeseg_core edgeseg_flags)
add_test(NAME cuda_kernels COMMAND edgeseg_cuda_tests)
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
  add_executable(edgeseg_vectors_tests tests/vectors.cpp)
  target_link_libraries(edgeseg_vectors_tests PRIVATE edgeseg_shared edgeseg_flags nlohmann_json::nlohmann_json
    OpenSSL::Crypto)
  add_test(NAME golden_vectors COMMAND edgeseg_vectors_tests ${CMAKE_CURRENT_SOURCE_DIR}/tests/vectors.json)
endif()
