# SPDX-License-Identifier: Apache-2.0
# What every target is compiled with: na_warnings and na_hardening, and na_library, na_unit_test
# that use them. Assertions stay on in every build type.

option(NA_FUZZ "build the fuzz targets (clang)" OFF)

add_library(na_warnings INTERFACE)
target_compile_options(na_warnings INTERFACE -Wall -Wextra -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wno-format-nonliteral)

add_library(na_hardening INTERFACE)
target_compile_options(na_hardening INTERFACE -fstack-protector-strong -fPIE -UNDEBUG
	$<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
target_link_options(na_hardening INTERFACE -pie -Wl,-z,relro,-z,now)

add_library(na_include INTERFACE)
target_include_directories(na_include INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/agent)
target_compile_definitions(na_include INTERFACE _GNU_SOURCE NA_VERSION="${PROJECT_VERSION}")

# na_library(NAME SOURCES… [LINK LIBRARIES…]): one static library per folder.
function(na_library name)
	cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
	add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
	target_link_libraries(${name} PUBLIC na_include ${arg_LINK} PRIVATE na_warnings na_hardening)
endfunction()

# na_test(NAME LABELS LABEL… [TIMEOUT SECONDS] COMMAND …): a test that says by exit status 77 that it was skipped, with the
# reason on its last line.
function(na_test name)
	cmake_parse_arguments(arg "" "TIMEOUT" "LABELS;COMMAND" ${ARGN})
	add_test(NAME ${name} COMMAND ${arg_COMMAND})
	set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" SKIP_RETURN_CODE 77)
	if(arg_TIMEOUT)
		set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT})
	endif()
endfunction()

# na_unit_test(NAME SOURCES… [LINK LIBRARIES…]): a cmocka program, run by ctest without root. What
# links threads is labelled so, and runs under ThreadSanitizer as well.
function(na_unit_test name)
	cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
	add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
	target_link_libraries(${name} PRIVATE na_include ${arg_LINK} cmocka na_warnings na_hardening)
	set(labels unit)
	if("Threads::Threads" IN_LIST arg_LINK)
		list(APPEND labels threads)
	endif()
	na_test(unit/${name} LABELS ${labels} TIMEOUT 600 COMMAND ${name})
endfunction()
