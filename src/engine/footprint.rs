//! What a resident program holds between two checks: as little as it can.

/// Have all threads share one heap. By default each has one of its own, and what one gives back the others cannot use; here they are
/// few, and seldom work at the same time. To be called before there are others.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe library tells the allocator this")]
pub fn share_one_heap() {
    // SAFETY: it changes a setting of the allocator (mallopt(3)), before other threads use it.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Other systems have other allocators.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub const fn share_one_heap() {}

/// Let go of the code that a check needed. The kernel maps it again, from its cache, when it is next used; until then it would only
/// count as ours – it maps sixteen pages around each one that is touched, and never takes them back while memory is plenty.
#[cfg(target_os = "linux")]
pub(crate) fn let_go_of_code() {
    // A wish: where it cannot be had, nothing is wrong.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter_map(code_of_a_file).for_each(unmap);
}

/// Elsewhere the system does not count what it could read again at any time.
#[cfg(not(target_os = "linux"))]
pub(crate) fn let_go_of_code() {}

/// Beginning and end of a mapping that can be run and not written: `55d0c4a1c000-55d0c4f00000 r-xp 0001c000 fe:00 1234  /usr/bin/operator`.
#[cfg(target_os = "linux")]
fn code_of_a_file(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights, path) = (words.next()?, words.next()?, words.nth(3)?);
    let (from, to) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    if rights == "r-xp" && path.starts_with('/') { Some((address(from)?, address(to)?)) } else { None }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe library tells the kernel this")]
fn unmap((from, to): (usize, usize)) {
    let start = std::ptr::without_provenance_mut(from);
    // SAFETY: code is never written, so that nothing is lost: for a private mapping of a file MADV_DONTNEED means that the next
    // use reads the file again (madvise(2)).
    unsafe {
        libc::madvise(start, to.saturating_sub(from), libc::MADV_DONTNEED);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_code_that_comes_from_a_file_is_let_go() {
        let of = code_of_a_file;
        assert_eq!(of("1000-3000 r-xp 00000000 fe:00 77   /usr/bin/operator"), Some((0x1000, 0x3000)));
        for other in [
            "1000-3000 r--p 00000000 fe:00 77   /usr/bin/operator",
            "1000-3000 rwxp 00000000 fe:00 77   /usr/bin/operator",
            "1000-3000 r-xp 00000000 00:00 0    [vdso]",
            "1000-3000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_goes_on_without_it() {
        let_go_of_code();
        assert_eq!("go on".to_uppercase(), "GO ON");
    }
}
