# Cross-compiles for aarch64 Linux with Debian's toolchain, and runs tests in emulation:
#     cmake -S cpp_bridge -B build/cpp-arm -DCMAKE_TOOLCHAIN_FILE=$PWD/cpp_bridge/cmake/aarch64.cmake -DEDGESEG_ROOT=ROOT
# ROOT is an arm64 root with the packages that libedgeseg needs, as a whole path; .ci/arm_root unpacks one.
if(NOT IS_DIRECTORY "${EDGESEG_ROOT}" OR NOT IS_ABSOLUTE "${EDGESEG_ROOT}")
  message(FATAL_ERROR "EDGESEG_ROOT is '${EDGESEG_ROOT}', expected the whole path of an arm64 root; .ci/arm_root unpacks one")
endif()
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES EDGESEG_ROOT)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_SYSROOT ${EDGESEG_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# pkg-config would find this machine's packages.
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${EDGESEG_ROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${EDGESEG_ROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${EDGESEG_ROOT}/usr/share/pkgconfig)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu neoverse-n1 -L ${EDGESEG_ROOT})
