# CUDA is optional. LOCKSTEP_CUDA: AUTO takes what there is, ON makes what is missing an error, OFF
# does not look. Sets LOCKSTEP_HAS_CUDA; then there are the language CUDA, CUDA::cublas,
# CUDA::cudart_static and lockstep_nccl_library.
#
# nvcc is looked for on PATH, in CUDACXX and in /usr/local/cuda/bin. NCCL: NCCL_ROOT names its
# folder if it is beside neither the system's libraries nor CUDA's.

set(LOCKSTEP_CUDA AUTO CACHE STRING "Replay on GPUs: AUTO, ON or OFF")
set_property(CACHE LOCKSTEP_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT LOCKSTEP_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "LOCKSTEP_CUDA is '${LOCKSTEP_CUDA}'; expected AUTO, ON or OFF")
endif()

# Compute capability 9.0 (H100, H200), and PTX for newer GPUs.
set(LOCKSTEP_CUDA_ARCHITECTURES 90 CACHE STRING "As CMAKE_CUDA_ARCHITECTURES")

# lockstep_look_for_nccl(): the target lockstep_nccl_library if header and library are there.
function(lockstep_look_for_nccl)
  set(folders "$ENV{NCCL_ROOT}" ${CUDAToolkit_INCLUDE_DIRS} ${CUDAToolkit_LIBRARY_DIR}
              ${CUDAToolkit_TARGET_DIR})
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${folders} PATH_SUFFIXES include)
  find_library(NCCL_LIBRARY nccl HINTS ${folders} PATH_SUFFIXES lib lib64)
  mark_as_advanced(NCCL_INCLUDE_DIR NCCL_LIBRARY)
  if(NCCL_INCLUDE_DIR AND NCCL_LIBRARY)
    add_library(lockstep_nccl_library INTERFACE)
    target_include_directories(lockstep_nccl_library SYSTEM INTERFACE "${NCCL_INCLUDE_DIR}")
    target_link_libraries(lockstep_nccl_library INTERFACE "${NCCL_LIBRARY}")
  endif()
endfunction()

set(LOCKSTEP_HAS_CUDA OFF)
set(lockstep_cuda_missing "")
if(LOCKSTEP_CUDA STREQUAL "OFF")
  message(STATUS "CUDA: not asked for (LOCKSTEP_CUDA=OFF); replay on GPUs is left out")
elseif(LOCKSTEP_SANITIZE)
  # The CUDA driver maps memory where AddressSanitizer and ThreadSanitizer keep theirs.
  message(STATUS "CUDA: left out of a sanitized build; replay on GPUs is left out")
else()
  find_program(LOCKSTEP_NVCC nvcc HINTS "$ENV{CUDACXX}" "$ENV{CUDA_HOME}/bin"
               PATHS /usr/local/cuda/bin)
  mark_as_advanced(LOCKSTEP_NVCC)
  if(NOT LOCKSTEP_NVCC)
    list(APPEND lockstep_cuda_missing "nvcc")
  else()
    if(NOT CMAKE_CUDA_COMPILER)
      set(ENV{CUDACXX} "${LOCKSTEP_NVCC}")
    endif()
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES "${LOCKSTEP_CUDA_ARCHITECTURES}")
    endif()
    include(CheckLanguage)
    check_language(CUDA)
    if(NOT CMAKE_CUDA_COMPILER)
      list(APPEND lockstep_cuda_missing "an nvcc that works with this compiler")
    else()
      enable_language(CUDA)
      find_package(CUDAToolkit 12 QUIET)
      if(NOT TARGET CUDA::cublas OR NOT TARGET CUDA::cudart_static)
        list(APPEND lockstep_cuda_missing "cuBLAS of CUDA 12 or newer")
      endif()
      lockstep_look_for_nccl()
      if(NOT TARGET lockstep_nccl_library)
        list(APPEND lockstep_cuda_missing "NCCL (nccl.h and libnccl)")
      endif()
    endif()
  endif()
  if(lockstep_cuda_missing)
    list(JOIN lockstep_cuda_missing ", " lockstep_cuda_missing)
    if(LOCKSTEP_CUDA STREQUAL "ON")
      message(FATAL_ERROR "LOCKSTEP_CUDA=ON, but these are missing: ${lockstep_cuda_missing}")
    endif()
    message(STATUS "CUDA: ${lockstep_cuda_missing} not found; replay on GPUs is left out")
  else()
    set(LOCKSTEP_HAS_CUDA ON)
    # The least of them, as 90; what is no number ("native", "all") is of this machine's GPUs.
    string(REGEX MATCHALL "[0-9]+" lockstep_architectures "${CMAKE_CUDA_ARCHITECTURES}")
    list(SORT lockstep_architectures COMPARE NATURAL)
    list(APPEND lockstep_architectures 0)
    list(GET lockstep_architectures 0 LOCKSTEP_OLDEST_ARCHITECTURE)
    message(STATUS "CUDA: ${CUDAToolkit_VERSION} (${CMAKE_CUDA_COMPILER}), architectures "
                   "${CMAKE_CUDA_ARCHITECTURES}, NCCL ${NCCL_LIBRARY}")
  endif()
endif()
