//! Three shops on one database: whichever is killed, and however often, every order is sold, and once.
#![cfg(all(unix, feature = "postgres"))]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};

use private_postgres::Server;

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

const ORDERS: u32 = 12;

/// How many shops are killed, as often as one has said something that many times.
const KILLS: u32 = 12;

/// Opens a shop for an order; its words go to `told`, and then a word of ours.
fn open(address: &str, order: u32, told: &Sender<(u32, Option<String>)>) -> Child {
    let order_text = order.to_string();
    let words = [address, &order_text, "0.02"];
    let mut shop = Command::new(SHOP).args(words).stdout(Stdio::piped()).spawn().expect("it starts");
    let (output, told) = (shop.stdout.take().expect("it is piped"), told.clone());
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.map(Some).chain([None]).for_each(|line| drop(told.send((order, line))));
    });
    shop
}

#[test]
fn every_order_is_sold_once_whichever_of_three_shops_is_killed() {
    let server = Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    let address = server.address();
    let (told, heard) = channel();
    let mut waiting: Vec<u32> = (1..=ORDERS).rev().collect();
    let mut shops: Vec<(u32, Child)> = Vec::new();
    let (mut sold, mut opened, mut said, mut kills) = (Vec::new(), 0, 0, 0);
    loop {
        while shops.len() < 3
            && let Some(order) = waiting.pop()
        {
            opened += 1;
            assert!(opened <= ORDERS + 2 * KILLS, "shops end that nobody has killed");
            shops.push((order, open(&address, order, &told)));
        }
        if shops.is_empty() {
            break;
        }
        let (order, line) = heard.recv().expect("we can tell, too");
        match line {
            Some(line) => {
                if let Some(receipt) = line.strip_prefix(&format!("order {order}: ")) {
                    sold.push((order, receipt.to_owned()));
                }
                said += 1;
                // Another one each time, and mostly not the one that has just spoken.
                if said % 17 == 0 && kills < KILLS {
                    kills += 1;
                    let victim = kills as usize % shops.len();
                    shops[victim].1.kill().expect("it can be killed");
                }
            }
            None => {
                let place = shops.iter().position(|(own, _)| *own == order).expect("it is ours");
                let (order, mut shop) = shops.remove(place);
                if !shop.wait().expect("it ends").success() {
                    // It was killed: somebody asks once more.
                    waiting.push(order);
                }
            }
        }
    }
    assert_eq!(kills, KILLS, "it was too soon over");
    for order in 1..=ORDERS {
        let mut receipts: Vec<&str> =
            sold.iter().filter(|(own, _)| *own == order).map(|(_, receipt)| &**receipt).collect();
        receipts.dedup();
        let [receipt] = receipts[..] else { panic!("order {order} gave {receipts:?}") };
        let expected = format!("parcel {order} with 3 articles, 4200 cents by ");
        assert!(receipt.starts_with(&expected), "{receipt}");
        // Whoever asks once more is told the same, and nothing is done.
        let (told, heard) = channel();
        assert!(open(&address, order, &told).wait().expect("it ends").success());
        let said: Vec<String> = heard.iter().map_while(|(_, line)| line).collect();
        assert_eq!(said, [format!("order {order} is over"), format!("order {order}: {receipt}")]);
    }
}
