//! How wide bands are.

/// The widths of bands of these values that share `all`, none below `least`: those that would be thinner get the
/// least, the others share what is left by value. Their sum is `all`, exactly.
pub(super) fn widths(values: &[u64], all: u32, least: u32) -> Vec<u32> {
    let mut thin = vec![false; values.len()];
    loop {
        let (room, worth) = left(values, &thin, all, least);
        let mut changed = false;
        for (value, thin) in values.iter().zip(&mut thin) {
            let share = u128::from(*value).saturating_mul(u128::from(room));
            if !*thin && share < u128::from(least).saturating_mul(worth) {
                *thin = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let (room, worth) = left(values, &thin, all, least);
    let (mut before, mut drawn) = (0_u128, 0_u32);
    let mut widths = Vec::with_capacity(values.len());
    for (value, thin) in values.iter().zip(&thin) {
        if *thin {
            widths.push(least);
            continue;
        }
        // Rounding is carried along, so that nothing is lost.
        before = before.saturating_add(u128::from(*value));
        let upto = before
            .saturating_mul(u128::from(room))
            .checked_div(worth)
            .unwrap_or_default();
        let upto = u32::try_from(upto).unwrap_or(room);
        widths.push(upto.saturating_sub(drawn));
        drawn = upto;
    }
    widths
}

/// The width that is left to those that are not thin, and what they are worth.
fn left(values: &[u64], thin: &[bool], all: u32, least: u32) -> (u32, u128) {
    let mut room = all;
    let mut worth = 0_u128;
    for (value, thin) in values.iter().zip(thin) {
        if *thin {
            room = room.saturating_sub(least);
        } else {
            worth = worth.saturating_add(u128::from(*value));
        }
    }
    (room, worth)
}
