//! Giving back what a small process that mostly waits does not need while it waits: what only its start has used,
//! and what a burst of work has.
//!
//! Decides nothing about what is needed: whatever is touched again comes back by itself, as zeroes or from the
//! program's file. It must never touch a page that holds anything else.

use std::ffi::{c_int, c_void};
use std::ptr::without_provenance_mut;

/// How far below the caller's frame the stack is left alone: this module's own frames and the red zone.
const STACK_KEPT: usize = 16 * 1024;

/// How far below that the stack may have reached. Nothing but the stack can be there: the kernel keeps 256 pages below
/// it free (`stack_guard_gap` in its `admin-guide/kernel-parameters`).
const STACK_REACHED: usize = 512 * 1024;

/// Returns free heap pages, the main thread's stack below the caller, and the pages of the program's own code and
/// constants to the kernel. To be called on the main thread, when the work begins and when
/// it rests.
pub fn release_unused() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only returns free memory to the kernel.
    unsafe {
        libc::malloc_trim(0);
    }
    let frame = 0_u8;
    let top = (&raw const frame).addr().saturating_sub(STACK_KEPT);
    // SAFETY: below every live frame; what is written there later starts from zeroes.
    unsafe { release(top.saturating_sub(STACK_REACHED), top) };
    // SAFETY: the callback has the type that is asked for, and calls nothing that loads or unloads objects.
    unsafe { libc::dl_iterate_phdr(Some(release_program), std::ptr::null_mut()) };
}

/// Called for the program first (dl_iterate_phdr(3)), and asks for no more: libraries are shared with others.
unsafe extern "C" fn release_program(info: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
    // SAFETY: valid for the duration of the call.
    let info = unsafe { &*info };
    // SAFETY: as many headers as that are mapped for as long as the program runs.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    for header in headers.iter().filter(|header| header.p_type == libc::PT_LOAD) {
        let (Ok(base), Ok(offset), Ok(length)) = (
            usize::try_from(info.dlpi_addr),
            usize::try_from(header.p_vaddr),
            usize::try_from(header.p_memsz),
        ) else {
            continue;
        };
        if header.p_flags & libc::PF_W == 0 {
            let start = base.wrapping_add(offset);
            // SAFETY: never written, so it is read again from the program's file as it was.
            unsafe { release(start, start.wrapping_add(length)) };
        }
    }
    1
}

/// Returns the whole pages between two addresses. A failure costs memory, nothing else.
///
/// # Safety
/// Nobody may need what is there, other than as zeroes (memory) or as the file has it.
unsafe fn release(start: usize, end: usize) {
    // SAFETY: asks for a constant.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    let (first, last) = (start.next_multiple_of(page), end / page * page);
    if first < last {
        // SAFETY: see above; the kernel skips what is not mapped.
        unsafe { libc::madvise(without_provenance_mut(first), last - first, libc::MADV_DONTNEED) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses far more stack than a test needs, and says that it did.
    #[inline(never)]
    fn deep(fill: u8) -> usize {
        let used = std::hint::black_box([fill; 200 * 1024]);
        used.iter().map(|byte| usize::from(*byte)).sum()
    }

    #[test]
    fn everything_still_works_afterwards() {
        let kept: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let before = deep(1);
        release_unused();
        assert_eq!(deep(1), before, "code and stack are there again");
        assert!(kept.iter().zip((0..=255).cycle()).all(|(a, b)| *a == b), "the heap keeps what is in use");
        assert_eq!(format!("{:?}", Some("constants")), "Some(\"constants\")");
    }
}
