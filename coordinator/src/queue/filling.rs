//! Which of a row to take where not all fit: the older go first, and none holds up those behind.
//!
//! Invariant: nobody who is left out would fit beside those taken.

/// Those taken, by their place in the row, and what they came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<S> {
    /// Places, in order.
    pub taken: Vec<usize>,
    /// What `fits` said of them.
    pub found: S,
}

/// Takes all of a row if they fit; else the longest run from its beginning that does, and of the rest, in order,
/// each that fits beside those taken before. Tried until nobody left out fits: one that fits nowhere by itself,
/// since the fee is too large a share of it, may fit beside others.
///
/// # Errors
/// An error that is `final` for all; else that of the first alone, where nobody fits.
pub fn fill<S, E>(
    count: usize,
    mut fits: impl FnMut(&[usize]) -> Result<S, E>,
    is_final: impl Fn(&E) -> bool,
) -> Result<Chosen<S>, E> {
    let row: Vec<usize> = (0..count).collect();
    let mut most = row.len();
    let (mut taken, mut found) = loop {
        let first = row.get(..most).unwrap_or_default();
        match fits(first) {
            Ok(found) => break (first.to_vec(), Ok(found)),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) if most <= 1 => break (Vec::new(), Err(error)),
            Err(_) => most = most.saturating_sub(1),
        }
    };
    // The one at `most` does not fit beside those before it; those behind it were not asked yet.
    let mut left: Vec<usize> = row.into_iter().skip(taken.len()).collect();
    loop {
        let before = left.len();
        left.retain(|place| {
            let mut with = taken.clone();
            with.insert(with.partition_point(|one| one < place), *place);
            match fits(&with) {
                Ok(more) => {
                    taken = with;
                    found = Ok(more);
                    false
                }
                Err(_) => true,
            }
        });
        if left.len() == before || left.is_empty() {
            return found.map(|found| Chosen { taken, found });
        }
    }
}
