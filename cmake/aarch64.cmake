# SPDX-License-Identifier: Apache-2.0
# Builds for arm64 with Debian's cross compiler, for tests on its kernels. NA_SYSROOT is a root folder
# of that architecture with the libraries (tests/vm/cross makes one).
set(NA_SYSROOT "" CACHE PATH "root folder of the architecture that is built for")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NA_SYSROOT)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_SYSROOT ${NA_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

set(ENV{PKG_CONFIG_SYSROOT_DIR} ${NA_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${NA_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${NA_SYSROOT}/usr/share/pkgconfig)
