# Targets over all our sources: tidy, format-check and format.

find_program(CLANG_TIDY clang-tidy)
find_program(CLANG_FORMAT clang-format)

# A file is looked at again when it, a header of ours that it includes, or the rules changed.
add_custom_target(tidy)
foreach(source IN LISTS sources unit_tests)
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${source})
  string(REPLACE "/" "_" name ${name})
  set(stamp ${CMAKE_BINARY_DIR}/tidy/${name}.stamp)
  add_custom_command(
    OUTPUT ${stamp}
    COMMAND ${CLANG_TIDY} --quiet -p ${CMAKE_BINARY_DIR} ${source}
    COMMAND ${CMAKE_CXX_COMPILER} -std=c++17 -I${CMAKE_SOURCE_DIR}/src -isystem ${PG_INCLUDE_DIR}
            -MM -MT ${stamp} -MF ${stamp}.d ${source}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${source} ${CMAKE_SOURCE_DIR}/.clang-tidy
    DEPFILE ${stamp}.d
    COMMENT "clang-tidy ${source}"
    VERBATIM)
  string(MAKE_C_IDENTIFIER tidy_${name} target)
  add_custom_target(${target} DEPENDS ${stamp})
  add_dependencies(tidy ${target})
endforeach()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/tidy)

file(GLOB formatted CONFIGURE_DEPENDS
  src/*.[ch]pp src/*/*.[ch]pp src/*.h src/*/*.h test/*/*.[ch]pp
  examples/*/*.cpp)
add_custom_target(format-check
  COMMAND ${CLANG_FORMAT} --dry-run --Werror ${formatted} VERBATIM)
add_custom_target(format
  COMMAND ${CLANG_FORMAT} -i ${formatted} VERBATIM)
