# SPDX-License-Identifier: Apache-2.0
# na_skeleton(NAME SOURCE [SUFFIX DEFINITION]): compiles SOURCE for the BPF target and makes an
# interface library NAME whose include folder holds <SOURCE's stem><SUFFIX>.skel.h. Depfiles rebuild it
# when a row changes.

find_program(NA_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 REQUIRED)
find_program(NA_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

set(NA_BPF_ARCH x86)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
	set(NA_BPF_ARCH arm64)
endif()

function(na_skeleton name source)
	get_filename_component(stem ${source} NAME_WE)
	set(stem ${stem}${ARGV2})
	set(object ${CMAKE_CURRENT_BINARY_DIR}/${stem}.bpf.o)
	set(header ${CMAKE_CURRENT_BINARY_DIR}/${stem}.skel.h)
	add_custom_command(OUTPUT ${object}
		COMMAND ${NA_CLANG} -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_${NA_BPF_ARCH} ${ARGV3} -Wall -Wextra -Werror
			-Wno-unused-parameter -Wno-missing-declarations
			-I${CMAKE_SYSROOT}/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -I${PROJECT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}
			-MD -MF ${object}.d -MT ${object}
			-c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
		DEPENDS ${source} DEPFILE ${object}.d VERBATIM)
	add_custom_command(OUTPUT ${header}
		COMMAND ${NA_BPFTOOL} gen skeleton ${object} name ${stem}_bpf > ${header}
		DEPENDS ${object} VERBATIM)
	add_custom_target(${name}_generate DEPENDS ${header})
	add_library(${name} INTERFACE)
	add_dependencies(${name} ${name}_generate)
	target_include_directories(${name} INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
