//! Who is taken where not all fit, against every subset there is.

use super::*;

/// Amounts, and the money there is. Nobody is paid alone whose amount is below the `least` together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    TooMuch,
    TooLittle,
    Broken,
}

fn fits(amounts: &[u64], money: u64, least: u64) -> impl Fn(&[usize]) -> Result<u64, Refused> {
    move |taken| {
        let sum: u64 = taken.iter().filter_map(|place| amounts.get(*place)).sum();
        if taken.is_empty() || sum < least {
            Err(Refused::TooLittle)
        } else if sum > money {
            Err(Refused::TooMuch)
        } else {
            Ok(sum)
        }
    }
}

fn filled(amounts: &[u64], money: u64, least: u64) -> Result<Chosen<u64>, Refused> {
    fill(amounts.len(), fits(amounts, money, least), |_| false)
}

fn taken(amounts: &[u64], money: u64) -> Vec<usize> {
    filled(amounts, money, 0).map_or_else(|_| Vec::new(), |chosen| chosen.taken)
}

#[test]
fn the_older_go_first_and_one_that_is_too_large_holds_up_nobody() {
    assert_eq!(taken(&[3, 3, 3], 9), [0, 1, 2]);
    assert_eq!(taken(&[3, 3, 3], 8), [0, 1]);
    assert_eq!(taken(&[50, 3, 3], 8), [1, 2]);
    assert_eq!(taken(&[3, 50, 3, 3], 7), [0, 2]);
    assert_eq!(taken(&[5, 4, 4], 8), [0]);
    assert_eq!(taken(&[9, 9], 8), Vec::<usize>::new());
    assert_eq!(taken(&[], 8), Vec::<usize>::new());
}

#[test]
fn one_that_fits_only_beside_others_is_not_left_out() {
    // Alone the first is too little; the second is too large; beside the third the first fits.
    let chosen = filled(&[1, 50, 5], 8, 4).expect("fits");
    assert_eq!((chosen.taken, chosen.found), (vec![0, 2], 6));
}

#[test]
fn an_error_that_is_final_ends_it_and_else_the_first_ones_is_told() {
    let tried = std::cell::Cell::new(0);
    let broken = |_: &[usize]| {
        tried.set(tried.get() + 1);
        Err::<(), Refused>(Refused::Broken)
    };
    let end = fill(3, broken, |error| *error == Refused::Broken);
    assert_eq!((end, tried.get()), (Err(Refused::Broken), 1));
    assert_eq!(filled(&[9, 1], 8, 2), Err(Refused::TooMuch));
}

proptest! {
    /// Against all subsets: what is taken fits, no fitting set holds it and more, and the longest run from the
    /// beginning that fits is in it.
    #[test]
    fn nobody_left_out_would_fit(
        amounts in prop::collection::vec(1..20_u64, 0..9),
        money in 0..60_u64,
        least in 0..12_u64,
    ) {
        let judge = fits(&amounts, money, least);
        let subsets = |bits: u32| -> Vec<usize> {
            (0..amounts.len()).filter(|place| bits >> place & 1 == 1).collect()
        };
        match filled(&amounts, money, least) {
            Ok(chosen) => {
                prop_assert_eq!(judge(&chosen.taken), Ok(chosen.found));
                for place in (0..amounts.len()).filter(|place| !chosen.taken.contains(place)) {
                    let mut more = chosen.taken.clone();
                    more.push(place);
                    prop_assert!(judge(&more).is_err(), "{} would fit", place);
                }
                let run = (1..=amounts.len()).rev().find(|most| {
                    judge(&(0..*most).collect::<Vec<usize>>()).is_ok()
                });
                let run = run.unwrap_or(0);
                prop_assert!((0..run).all(|place| chosen.taken.contains(&place)));
            }
            Err(_) => {
                // Nobody fits alone, and so nobody was taken to begin with.
                for place in 0..amounts.len() {
                    prop_assert!(judge(&subsets(1 << place)).is_err());
                }
            }
        }
    }
}
