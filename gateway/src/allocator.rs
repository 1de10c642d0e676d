//! The allocator: mimalloc, asked for an alignment only where that is more than every piece has.
//!
//! The wrapper that comes with it names an alignment each time, and then a size that is no multiple of it
//! goes the long way: some 5,000 of a request's instructions, and larger pieces than are needed.
#![expect(unsafe_code, reason = "an allocator has no other form")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc,
    mi_zalloc_aligned,
};

/// Saves some 15 % of the instructions of a request over the system's allocator.
pub(crate) struct Mimalloc;

/// The alignment of every piece that is no smaller (`MI_MAX_ALIGN_SIZE` of mimalloc's `types.h`, which is
/// C's `alignof(max_align_t)`).
const COMMON_ALIGN: usize = 16;

const fn is_common(size: usize, align: usize) -> bool {
    align <= COMMON_ALIGN && align <= size
}

// SAFETY: mimalloc keeps the contract of C's allocator: a piece of the size asked for or null, at an
// alignment of `COMMON_ALIGN` or of its own size, whichever is less; where that is not enough, it is asked
// for more. Its ways to free and to resize take pieces of either kind, and nothing here unwinds.
unsafe impl GlobalAlloc for Mimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: both take any size, and the alignment is a power of two.
        unsafe {
            match is_common(size, align) {
                true => mi_malloc(size).cast(),
                false => mi_malloc_aligned(size, align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        unsafe {
            match is_common(size, align) {
                true => mi_zalloc(size).cast(),
                false => mi_zalloc_aligned(size, align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, _: Layout) {
        // SAFETY: the caller has `piece` from here.
        unsafe { mi_free(piece.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the caller has `piece` from here, and the alignment is a power of two.
        unsafe {
            match is_common(size, align) {
                true => mi_realloc(piece.cast(), size).cast(),
                false => mi_realloc_aligned(piece.cast(), size, align).cast(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_and_keep_what_is_in_them() {
        for align in (0..13).map(|bits| 1 << bits) {
            for size in (1..80).chain([100, 1_000, 4_097, 100_001]) {
                let layout = Layout::from_size_align(size, align).expect("a layout");
                // SAFETY: no size is zero, and each piece is written to and read within it and freed once.
                unsafe {
                    let piece = Mimalloc.alloc_zeroed(layout);
                    assert!(!piece.is_null() && piece.addr().is_multiple_of(align));
                    assert_eq!(piece.add(size - 1).read(), 0);
                    piece.write_bytes(7, size);
                    let grown = Mimalloc.realloc(piece, layout, size * 3);
                    assert!(!grown.is_null() && grown.addr().is_multiple_of(align));
                    assert!((0..size).all(|at| grown.add(at).read() == 7));
                    let layout = Layout::from_size_align(size * 3, align).expect("a layout");
                    let shrunk = Mimalloc.realloc(grown, layout, 1);
                    assert!(!shrunk.is_null() && shrunk.addr().is_multiple_of(align));
                    assert_eq!(shrunk.read(), 7);
                    Mimalloc.dealloc(shrunk, Layout::from_size_align(1, align).expect("a layout"));
                    let other = Mimalloc.alloc(layout);
                    assert!(!other.is_null() && other.addr().is_multiple_of(align));
                    Mimalloc.dealloc(other, layout);
                }
            }
        }
    }
}
