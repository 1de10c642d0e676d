use keyweir_policy::tenancy::money::Money;

use super::super::budgets::{BEFORE, BUDGETS};
use super::super::error::LedgerError;
use super::super::kept::{Row, Thing};
use super::super::overlay::is_looked_at;
use super::*;

fn spender(day: u32, tenant: &str) -> Spender {
    Spender {
        day,
        tenant: tenant.to_owned(),
        model: "m".to_owned(),
        ..Spender::default()
    }
}

fn totals(requests: u64) -> Totals {
    Totals {
        requests,
        money: Money::from_pico(u128::from(requests)),
        ..Totals::default()
    }
}

fn write(store: &Store, spent: &[(Spender, Totals)], budgets: &[(String, Sums)]) {
    let unwritten = Unwritten {
        spent: spent.iter().cloned().collect(),
        budgets: budgets.iter().cloned().collect(),
        ..Unwritten::default()
    };
    store.write(&unwritten).expect("written");
}

#[test]
fn what_is_written_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let (store, aside) = Store::open(&path).expect("made");
    assert_eq!(aside, None);
    let spent = [(spender(5, "a"), totals(1)), (spender(6, "b"), totals(2))];
    let sums = |before: &[(i64, u128)]| Sums {
        begin: Wall(7),
        spent: 8,
        unsettled: 0,
        before: before.iter().map(|it| (Wall(it.0), it.1)).collect(),
    };
    let budget = |sums| [("k".to_owned(), sums)];
    write(&store, &spent, &budget(sums(&[(5, 1)])));
    assert_eq!(store.budgets().expect("read"), budget(sums(&[(5, 1)])));
    for before in [&[][..], &[(9, u128::MAX), (-3, 2)]] {
        write(&store, &[], &budget(sums(before)));
    }
    write(&store, &spent[..1], &[]);
    assert!(matches!(Store::open(&path), Err(LedgerError::InUse(_))));
    drop(store);

    let (store, _) = Store::open(&path).expect("there");
    let expected = [(spender(5, "a"), totals(2)), (spender(6, "b"), totals(2))];
    assert_eq!(store.usage(0).expect("read"), expected);
    assert_eq!(store.usage(6).expect("read"), expected[1..]);
    let budgets = store.budgets().expect("read");
    assert_eq!(budgets, budget(sums(&[(9, u128::MAX), (-3, 2)])));
    store.evict(406).expect("written");
    assert_eq!(store.usage(0).expect("read"), expected[1..]);
    assert!(store.budgets().expect("read").is_empty());
}

#[test]
fn what_was_learned_is_kept_by_name_and_things_in_the_order_in_which_they_came() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let (store, _) = Store::open(&path).expect("made");
    let row = |text: &str| Row {
        version: 1,
        at: Wall(3),
        text: text.to_owned(),
    };
    let thing = |id: &str, account: &str| Thing {
        id: id.to_owned(),
        provider: "p".to_owned(),
        account: account.to_owned(),
        owner: None,
    };
    let first = Unwritten {
        learned: [("a", "1"), ("b", "2")]
            .map(|(name, text)| (name.to_owned(), Some(row(text))))
            .into(),
        things: vec![thing("z", "x"), thing("y", "x")],
        ..Unwritten::default()
    };
    store.write(&first).expect("written");
    let second = Unwritten {
        learned: [("a".to_owned(), None), ("b".to_owned(), Some(row("3")))].into(),
        things: vec![thing("z", "w"), thing("v", "x")],
        things_gone: vec!["y".to_owned(), "never".to_owned()],
        ..Unwritten::default()
    };
    assert!(!second.is_empty() && Unwritten::default().is_empty());
    store.write(&second).expect("written");
    drop(store);
    let (store, _) = Store::open(&path).expect("there");
    let Kept { learned, things } = store.kept().expect("read");
    assert_eq!(learned, [("b".to_owned(), row("3"))]);
    assert_eq!(things, [thing("z", "w"), thing("v", "x")]);
    assert_eq!(store.salt().expect("read"), store.salt().expect("read"));
    store.evict(30).expect("written");
    assert!(store.kept().expect("read").learned.is_empty());
}

#[test]
fn a_damaged_file_is_set_aside_and_a_later_one_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    for (count, text) in [
        (1, &b"no ledger at all"[..]),
        (2, &[0; 5_000]),
        (3, b"redb"),
    ] {
        std::fs::write(&path, text).expect("written");
        let (store, aside) = Store::open(&path).expect("a new one");
        let aside = aside.expect("set aside");
        assert!(
            aside.ends_with(format!("ledger.damaged-{count}")),
            "{aside:?}"
        );
        assert_eq!(std::fs::read(aside).expect("kept"), text);
        assert!(store.usage(0).expect("read").is_empty());
    }
    let (store, _) = Store::open(&path).expect("there");
    write(&store, &[(spender(1, "a"), totals(1))], &[]);
    let database = store.database().expect("open");
    let transaction = database.begin_write().expect("begun");
    let mut about = transaction.open_table(ABOUT).expect("there");
    about.insert("version", VERSION + 1).expect("written");
    drop(about);
    transaction.commit().expect("written");
    drop(database);
    drop(store);
    assert!(matches!(Store::open(&path), Err(LedgerError::Later(_))));
}

/// Whether a sum is right is not asked: rows have no checksum, so that a bit of one that is flipped
/// makes another sum of it.
#[test]
fn any_bit_of_damage_ends_in_a_ledger_or_an_error_whatever_is_asked_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let (store, _) = Store::open(&path).expect("made");
    let spent = (0..40).map(|day| (spender(day, "a"), totals(1)));
    write(&store, &spent.collect::<Vec<_>>(), &[]);
    drop(store);
    let whole = std::fs::read(&path).expect("read");
    for (at, cut) in places(&whole) {
        let mut torn = whole[..whole.len() - cut].to_vec();
        torn[at] ^= 0xff;
        std::fs::write(&path, &torn).expect("written");
        let Ok((store, aside)) = Store::open(&path) else {
            continue;
        };
        // None of them panics.
        let told = store.usage(0);
        let _ = (store.budgets(), store.kept(), store.salt());
        let more = Unwritten {
            spent: [(spender(7, "a"), totals(2))].into(),
            ..Unwritten::default()
        };
        let written = store.evict(5).and_then(|()| store.write(&more));
        if let Some(aside) = aside {
            assert!(std::fs::read(aside).expect("kept") == torn, "{at} {cut}");
            assert_eq!(told.expect("a new one"), []);
            written.expect("a new one");
            let told = store.usage(0).expect("a new one");
            assert_eq!(told, [(spender(7, "a"), totals(2))]);
        }
    }
}

/// Where a file is damaged, and how much of its end is missing: all over what is in it, and closer where
/// that is not filled up with the same.
fn places(whole: &[u8]) -> Vec<(usize, usize)> {
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let is_sparse = |at: &usize| {
        let page = at / 4_096 * 4_096;
        let filled = whole[page..].iter().take(4_096).filter(|it| **it != 0);
        filled.count() < 3_000
    };
    let sparse: Vec<usize> = used.iter().copied().filter(is_sparse).collect();
    let some = |of: &[usize]| of.iter().copied().step_by(of.len().div_ceil(14)).collect();
    let (all, sparse): (Vec<_>, Vec<_>) = (some(&used), some(&sparse));
    let torn = all
        .iter()
        .step_by(4)
        .map(|at| (*at, 1_000 + at % 2 * 1_000));
    let flipped = all.iter().chain(&sparse).map(|at| (*at, 0));
    torn.chain(flipped).collect()
}

#[test]
fn a_file_that_was_removed_is_put_back_and_another_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let (store, _) = Store::open(&path).expect("made");
    let mut unwritten = Unwritten::default();
    unwritten.spent.insert(spender(1, "a"), totals(3));
    store.write(&unwritten).expect("written");
    std::fs::remove_file(&path).expect("removed");
    store.write(&Unwritten::default()).expect("put back");
    assert!(path.exists());
    store.write(&unwritten).expect("written");
    drop(store);
    let store = Store::open_to_read(&path).expect("there");
    let usage = store.usage(0).expect("read");
    assert_eq!(usage, [(spender(1, "a"), totals(6))]);
    let all = std::fs::read_dir(folder.path()).expect("a folder");
    assert_eq!(all.count(), 1, "nothing is left beside it");
    std::fs::rename(&path, folder.path().join("elsewhere")).expect("moved");
    std::fs::write(&path, "another's").expect("written");
    let told = store.write(&unwritten).expect_err("another is there");
    assert!(told.to_string().contains("another file"), "{told}");
    assert_eq!(std::fs::read(&path).expect("there"), b"another's");
}

#[test]
fn who_looks_writes_nothing_whatever_state_the_file_is_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let (store, _) = Store::open(&path).expect("made");
    write(&store, &[(spender(1, "a"), totals(3))], &[]);
    // As a process leaves it that is killed.
    let killed = folder.path().join("killed");
    std::fs::copy(&path, &killed).expect("copied");
    let told = Store::open_to_read(&path).expect_err("it is in use");
    assert!(matches!(told, LedgerError::InUse(_)), "{told}");
    drop(store);
    // As an earlier version left it.
    let earlier = folder.path().join("earlier");
    std::fs::copy(&path, &earlier).expect("copied");
    let database = Database::create(&earlier).expect("open");
    let transaction = database.begin_write().expect("begun");
    assert!(transaction.delete_table(BUDGETS).expect("deleted"));
    assert!(transaction.delete_table(BEFORE).expect("deleted"));
    transaction.commit().expect("written");
    drop(database);
    for path in [&path, &killed, &earlier] {
        let before = std::fs::read(path).expect("there");
        let one = Store::open_to_read(path).expect("there");
        let other = Store::open_to_read(path).expect("two may look");
        assert_eq!(one.usage(0).expect("read"), [(spender(1, "a"), totals(3))]);
        assert!(other.budgets().expect("read").is_empty());
        assert!(is_looked_at(path));
        let opening = std::thread::spawn({
            let path = path.clone();
            move || Store::open(&path)
        });
        assert!(std::fs::read(path).expect("there") == before, "{path:?}");
        drop((one, other));
        let (store, aside) = opening.join().expect("ended").expect("waited for");
        assert_eq!(aside, None);
        assert!(!is_looked_at(path));
        drop(store);
    }
}

#[test]
fn of_an_empty_file_no_ledger_is_made_to_look_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    std::fs::write(&path, "").expect("written");
    let told = Store::open_to_read(&path).expect_err("it is none");
    assert!(told.to_string().contains("it is empty"), "{told}");
    assert_eq!(std::fs::metadata(&path).expect("there").len(), 0);
    let told = Store::open_to_read(folder.path()).expect_err("it is none");
    assert!(told.to_string().contains("it is no file"), "{told}");
}

#[test]
fn what_was_not_settled_is_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = Store::open(&folder.path().join("ledger")).expect("made");
    let budget = |key: &str, unsettled| {
        let sums = Sums {
            spent: 8,
            unsettled,
            ..Sums::default()
        };
        (key.to_owned(), sums)
    };
    write(&store, &[], &[budget("a", 3), budget("b", 5)]);
    write(&store, &[], &[budget("b", 0)]);
    let unsettled = store.take_unsettled().expect("read");
    assert_eq!(unsettled, [("a".to_owned(), 3)]);
    assert_eq!(store.take_unsettled().expect("read"), []);
}
