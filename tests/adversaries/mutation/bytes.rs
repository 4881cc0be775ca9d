//! Lies in the bytes, blindly: whatever they hit, nothing but what was approved is signed.

use super::super::attempt::Case;
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("bit flipped", bit_flipped),
    class("bytes written over", bytes_written_over),
    class("bytes inserted", bytes_inserted),
    class("bytes taken out", bytes_taken_out),
    class("a part in another place", a_part_in_another_place),
];

fn bit_flipped(case: &mut Case<'_>) -> Option<Expected> {
    let mut bytes = case.bytes();
    let at = case.draw.place(bytes.len());
    bytes[at] ^= 1 << case.draw.below(8);
    case.hand_over(bytes);
    Some(Expected::NothingWrong)
}

fn bytes_written_over(case: &mut Case<'_>) -> Option<Expected> {
    let mut bytes = case.bytes();
    for _ in 0..=case.draw.below(4) {
        let at = case.draw.place(bytes.len());
        bytes[at] = case.draw.byte();
    }
    case.hand_over(bytes);
    Some(Expected::NothingWrong)
}

fn bytes_inserted(case: &mut Case<'_>) -> Option<Expected> {
    let mut bytes = case.bytes();
    let at = case.draw.place(bytes.len());
    let more = case.draw.bytes();
    let count = 1 + case.draw.place(8);
    bytes.splice(at..at, more.into_iter().take(count));
    case.hand_over(bytes);
    Some(Expected::NothingWrong)
}

fn bytes_taken_out(case: &mut Case<'_>) -> Option<Expected> {
    let mut bytes = case.bytes();
    let at = case.draw.place(bytes.len());
    let end = (at + 1 + case.draw.place(40)).min(bytes.len());
    bytes.drain(at..end);
    case.hand_over(bytes);
    Some(Expected::NothingWrong)
}

fn a_part_in_another_place(case: &mut Case<'_>) -> Option<Expected> {
    let mut bytes = case.bytes();
    let from = case.draw.place(bytes.len() - 40);
    let part: Vec<u8> = bytes[from..from + 1 + case.draw.place(40)].to_vec();
    let to = case.draw.place(bytes.len() - 40);
    for (offset, byte) in part.into_iter().enumerate() {
        bytes[to + offset] = byte;
    }
    case.hand_over(bytes);
    Some(Expected::NothingWrong)
}
