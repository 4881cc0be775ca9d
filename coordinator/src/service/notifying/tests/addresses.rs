//! Addresses that must not be called.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::service::notifying::guarding::{UrlFault, check_url, is_public};
use crate::service::notifying::posting::{PostFault, Reach, post};

#[test]
fn only_addresses_of_the_public_internet_may_be_called() {
    for inside in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        let address: IpAddr = inside.parse().expect(inside);
        assert!(!is_public(address), "{inside}");
    }
    for outside in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "2606:4700::1111",
        "2a00:1450::1",
    ] {
        let address: IpAddr = outside.parse().expect(outside);
        assert!(is_public(address), "{outside}");
    }
}

#[test]
fn sixty_addresses_that_lead_inside_or_nowhere_are_refused_before_any_lookup() {
    let refused = [
        "",
        "x",
        "hooks.example",
        "//hooks.example",
        "http://hooks.example",
        "HTTP://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "javascript:alert(1)",
        "data:,x",
        "https://",
        "https:///x",
        "https://:443/",
        "https://user@hooks.example/",
        "https://a:b@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://127.0.0.1#@hooks.example/",
        "https://hooks.example/#x",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks .example/",
        "https://hooks.example/a b",
        "https://hooks.example/\u{e9}",
        "https://hooks.example/\r\nHost: x",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127.0.0.1:8080/",
        "https://127.1.2.3/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0x7f.0x0.0x0.0x1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://10.1/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://127.0.0.1./",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://[2002:7f00:1::]/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost:1/",
    ];
    assert!(refused.len() >= 60, "{}", refused.len());
    for url in refused {
        assert!(check_url(url, false).is_err(), "{url}");
    }
    for good in [
        "https://hooks.example/a?b=c",
        "https://hooks.example:8443/",
        "https://1.1.1.1/x",
        "https://[2606:4700::1111]/",
    ] {
        check_url(good, false).expect(good);
    }
    check_url("http://127.0.0.1:9/", true).expect("this host, for tests");
    let refused = check_url("http://hooks.example/", true);
    assert_eq!(refused.map(|_| ()), Err(UrlFault::NotHttps));
}

#[test]
fn a_name_whose_answers_flip_is_looked_up_once_a_call_and_never_leads_inside() {
    let inside = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    inside.set_nonblocking(true).expect("can be asked");
    let port = inside.local_addr().expect("its address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let answers: Arc<Mutex<Vec<Vec<IpAddr>>>> = Arc::default();
    let (counts, given) = (Arc::clone(&asked), Arc::clone(&answers));
    let lookup = move |_: &str, _: u16| {
        let n = counts.fetch_add(1, Ordering::SeqCst);
        let inside: IpAddr = "127.0.0.1".parse().expect("an address");
        let outside: IpAddr = "2606:4700::ffff:1".parse().expect("an address");
        // First outside, then inside, then both: a check that looked twice would be led inside.
        let answer = match n % 3 {
            0 => vec![outside],
            1 => vec![inside],
            _ => vec![outside, inside],
        };
        given.lock().expect("nobody panicked").push(answer.clone());
        Ok(answer
            .into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .collect())
    };
    let reach = Reach {
        allow_loopback: false,
        lookup: Some(Arc::new(lookup)),
        timeout: Duration::from_millis(200),
    };
    for n in 0..60 {
        let url = format!("https://hook-{n}.example:{port}/x");
        let fault = post(&url, &[], "{}", &reach).expect_err("leads nowhere");
        assert!(matches!(fault, PostFault::NoAnswer(_)), "{fault}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 60, "each call looks up once");
    assert!(inside.accept().is_err(), "nobody ever came inside");
}
