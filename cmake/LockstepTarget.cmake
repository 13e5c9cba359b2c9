# One library per folder, one test executable per folder of tests/. Every target gets the same
# warnings, language level and sanitizers; nothing is set globally.

function(lockstep_configure target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}")
  # No fused multiply-add contraction: the same bits on every machine (design section 5).
  set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:${warnings};-ffp-contract=off>")
  if(LOCKSTEP_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${LOCKSTEP_SANITIZE}
                                             -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${LOCKSTEP_SANITIZE})
  endif()
endfunction()

# lockstep_configure_cuda(TARGET): the same for .cu files. What nvcc generates is not pedantic.
# constexpr functions of the host, as mix64(), may be called on the device. CMake 3.25 does not know
# that nvcc has C++20.
function(lockstep_configure_cuda target)
  set(host -Wall,-Wextra,-Wshadow,-Wconversion,-Werror,-ffp-contract=off)
  set(options -std=c++20 -Werror=all-warnings --expt-relaxed-constexpr -Xcompiler=${host})
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:${options}>")
endfunction()

# lockstep_library(NAME SOURCES... [DEPENDS TARGETS...])
function(lockstep_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(lockstep_${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(lockstep_${name} PUBLIC ${ARG_DEPENDS})
  lockstep_configure(lockstep_${name})
endfunction()

# lockstep_test(NAME SOURCES... [DEPENDS TARGETS...]): a doctest executable, one ctest entry.
function(lockstep_test name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_executable(test_${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(test_${name} PRIVATE lockstep_test_main ${ARG_DEPENDS})
  lockstep_configure(test_${name})
  add_test(NAME ${name} COMMAND test_${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
endfunction()

# lockstep_embed(TEXTS COUNT PATTERN SUFFIX): the files that PATTERN names as C++ initialisers
# {"name without SUFFIX", R"yaml(text)yaml"}, one a line, in TEXTS, and their number in COUNT.
# Configures anew when a file changes, comes or goes.
function(lockstep_embed texts count pattern suffix)
  file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${pattern}")
  list(SORT files)
  set(lines "")
  foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME)
    string(REPLACE "${suffix}" "" name "${name}")
    file(READ "${file}" text)
    string(APPEND lines "    {\"${name}\", R\"yaml(${text})yaml\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  endforeach()
  list(LENGTH files number)
  set(${texts} "${lines}" PARENT_SCOPE)
  set(${count} "${number}" PARENT_SCOPE)
endfunction()
