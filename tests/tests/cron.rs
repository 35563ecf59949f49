//! Cron patterns: how they are read, when they fire, in zones whose clocks are put forward and back; and intervals.

use std::time::{Duration, Instant};

use jiff::civil::{DateTime, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp as Jiff, ToSpan as _, Zoned};
use proptest::prelude::*;
use workflow_runtime::Timestamp;
use workflow_runtime::schedule::{Cron, CronField, Every, every};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn cron(pattern: &str, zone: &str) -> Cron {
    let cron = Cron::parse(pattern).unwrap_or_else(|error| panic!("{error}"));
    cron.in_zone(zone).unwrap_or_else(|error| panic!("{error}"))
}

/// Some moments, in UTC, without seconds.
fn shown(moments: impl IntoIterator<Item = Timestamp>) -> Vec<String> {
    moments.into_iter().map(|moment| moment.to_string().replace(":00.000000Z", "Z")).collect()
}

/// When a pattern fires from one moment on and before another, however it is asked.
fn fires(pattern: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    let (cron, from, to) = (cron(pattern, zone), at(from), at(to));
    let found: Vec<Timestamp> = cron.between(from, to).collect();
    assert_eq!(cron.count(from, to), found.len() as u64, "{pattern} in {zone}");
    let mut last = to;
    for moment in found.iter().rev() {
        assert_eq!(cron.previous(last), Some(*moment), "{pattern} in {zone} before {last}");
        assert_eq!(cron.next(*moment - Duration::from_micros(1)), Some(*moment), "{pattern} in {zone}");
        assert_eq!(cron.count(*moment, last), 1, "{pattern} in {zone} from {moment}");
        last = *moment;
    }
    assert!(cron.previous(last).is_none_or(|previous| previous < from), "{pattern} in {zone}");
    shown(found)
}

// ---------------------------------------------------------------------------------------------------------------
// Reading

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_cure() {
    for (pattern, expected) in [
        (
            "",
            "the cron pattern is empty; write five fields: minute, hour, day of the month, month and weekday, as in \"0 9 * * MON-FRI\"; or six, with the second before them",
        ),
        (
            "0 9 *",
            "\"0 9 *\" has 3 fields; write five fields: minute, hour, day of the month, month and weekday, as in \"0 9 * * MON-FRI\"; or six, with the second before them",
        ),
        (
            "0 0 9 * * * 2027",
            "\"0 0 9 * * * 2027\" has 7 fields; a pattern has no years: leave the last one out, and give the schedule an end",
        ),
        (
            "CRON_TZ=UTC 0 0 9 * * *",
            "\"CRON_TZ=UTC 0 0 9 * * *\" has 7 fields; write the five fields alone, and give the zone by `in_zone`",
        ),
        ("@dayly", "there is no nickname \"@dayly\"; did you mean @daily?"),
        (
            "@every 5m",
            "there is no nickname \"@every 5m\"; an interval is no cron pattern: give the schedule `every(…)`",
        ),
        (
            "@reboot",
            "there is no nickname \"@reboot\"; there is no start of a machine here: start the run where the program starts",
        ),
        (
            "@x",
            "there is no nickname \"@x\"; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
        ),
        ("61 * * * *", "\"61\" is no minute, at character 1 of \"61 * * * *\"; minutes go from 0 to 59"),
        (
            "0 24 * * *",
            "\"24\" is no hour, at character 3 of \"0 24 * * *\"; hours go from 0 to 23, and 0 is midnight",
        ),
        (
            "99999999999 0 0 * * *",
            "\"99999999999\" is no second, at character 1 of \"99999999999 0 0 * * *\"; seconds go from 0 to 59",
        ),
        (
            "0 0 0 * *",
            "\"0\" is no day of the month, at character 5 of \"0 0 0 * *\"; days go from 1 to 31, `L` is the last one, `15W` the working day nearest to the 15th",
        ),
        (
            "0 0 * 13 *",
            "\"13\" is no month, at character 7 of \"0 0 * 13 *\"; months go from 1 to 12, or from JAN to DEC",
        ),
        ("0 0 * JNA *", "\"JNA\" is no month, at character 7 of \"0 0 * JNA *\"; did you mean JAN?"),
        ("0 0 * * TUS", "\"TUS\" is no weekday, at character 9 of \"0 0 * * TUS\"; did you mean TUE?"),
        (
            "0 0 * * MON-FIR",
            "\"FIR\" is no weekday, at character 13 of \"0 0 * * MON-FIR\"; did you mean FRI?",
        ),
        (
            "0 0 * * 8",
            "\"8\" is no weekday, at character 9 of \"0 0 * * 8\"; weekdays go from 0 (Sunday) to 7 (Sunday again), or from SUN to SAT; `MON#1` is the first Monday, `FRIL` the last Friday of the month",
        ),
        ("1,,2 * * * *", "a minute is missing, at character 3 of \"1,,2 * * * *\"; minutes go from 0 to 59"),
        ("5- * * * *", "a minute is missing, at character 3 of \"5- * * * *\"; minutes go from 0 to 59"),
        ("-5 * * * *", "a minute is missing, at character 1 of \"-5 * * * *\"; minutes go from 0 to 59"),
        (
            "1-2-3 * * * *",
            "\"2-3\" is no minute, at character 3 of \"1-2-3 * * * *\"; minutes go from 0 to 59",
        ),
        (
            "1 2* * * *",
            "\"2*\" is no hour, at character 3 of \"1 2* * * *\"; hours go from 0 to 23, and 0 is midnight",
        ),
        ("0 22-4 * * *", "\"22-4\" runs backwards, at character 3 of \"0 22-4 * * *\"; write \"22-23,0-4\""),
        (
            "0 0 * * FRI-MON",
            "\"FRI-MON\" runs backwards, at character 9 of \"0 0 * * FRI-MON\"; write \"FRI-SAT,SUN-MON\"",
        ),
        (
            "0 0 * * SAT-MON",
            "\"SAT-MON\" runs backwards, at character 9 of \"0 0 * * SAT-MON\"; write \"SAT,SUN-MON\"",
        ),
        (
            "0 0 * NOV-1 *",
            "\"NOV-1\" runs backwards, at character 7 of \"0 0 * NOV-1 *\"; write \"NOV-DEC,JAN-1\"",
        ),
        ("*/0 * * * *", "a step of 0 never moves, at character 3 of \"*/0 * * * *\"; write 1 or more"),
        (
            "*/90 * * * *",
            "a step of 90 is longer than the field, which ends at 59, at character 3 of \"*/90 * * * *\"; for intervals that cross it give the schedule `every(…)`",
        ),
        (
            "*/ * * * *",
            "\"\" is no step, at character 1 of \"*/ * * * *\"; write a number behind the `/`, as in \"*/5\"",
        ),
        (
            "*/x * * * *",
            "\"x\" is no step, at character 3 of \"*/x * * * *\"; write a number behind the `/`, as in \"*/5\"",
        ),
        (
            "5/15 * * * *",
            "\"5/15\" is a step from one number, at character 1 of \"5/15 * * * *\"; write \"5-59/15\" for every 15 from 5 on",
        ),
        (
            "0 0 L-3 * *",
            "\"L-3\" is no day of the month, at character 5 of \"0 0 L-3 * *\"; `L` is the last day of the month, and `LW` its last working day",
        ),
        (
            "0 0 W * *",
            "a day of the month is missing, at character 5 of \"0 0 W * *\"; days go from 1 to 31, `L` is the last one, `15W` the working day nearest to the 15th",
        ),
        (
            "0 0 * * L",
            "\"L\" names no weekday, at character 9 of \"0 0 * * L\"; write which weekday, as in \"FRIL\" for the last Friday of the month",
        ),
        (
            "0 0 * * #1",
            "\"#1\" names no weekday, at character 9 of \"0 0 * * #1\"; write which weekday, as in \"FRIL\" for the last Friday of the month",
        ),
        (
            "0 0 * * MON#6",
            "no month has a weekday number \"6\", at character 13 of \"0 0 * * MON#6\"; write 1 to 5 behind the `#`, as in \"MON#1\", or `L` for the last",
        ),
        (
            "0 0 * * MON#0",
            "no month has a weekday number \"0\", at character 13 of \"0 0 * * MON#0\"; write 1 to 5 behind the `#`, as in \"MON#1\", or `L` for the last",
        ),
        (
            "0 0 * * *#1",
            "\"*#1\" counts neither this nor that weekday, at character 9 of \"0 0 * * *#1\"; name the weekday, as in \"MON#1\" or \"MON-FRI#1\"",
        ),
        (
            "0 é * * *",
            "\"é\" is no hour, at character 3 of \"0 é * * *\"; hours go from 0 to 23, and 0 is midnight",
        ),
    ] {
        let error = Cron::parse(pattern).expect_err(pattern);
        assert_eq!(error.to_string(), expected);
    }
    let error = Cron::parse("  0 9 * * MON-FIR ").unwrap_err();
    assert_eq!((error.field(), error.place()), (Some(CronField::Weekday), 12..15));
}

#[test]
fn zones_that_are_not_there_are_told_with_the_nearest() {
    for (name, expected) in [
        ("Europe/Berlim", "there is no time zone \"Europe/Berlim\"; did you mean \"Europe/Berlin\"?"),
        ("berlin", "there is no time zone \"berlin\"; did you mean \"Europe/Berlin\"?"),
        ("new york", "there is no time zone \"new york\"; did you mean \"America/New_York\"?"),
        ("the moon", "there is no time zone \"the moon\"; write one as in \"Europe/Berlin\", or \"UTC\""),
        (
            "Etc/Unknown",
            "there is no time zone \"Etc/Unknown\"; write one as in \"Europe/Berlin\", or \"UTC\"",
        ),
        ("", "there is no time zone \"\"; write one as in \"Europe/Berlin\", or \"UTC\""),
    ] {
        let error = Cron::parse("0 9 * * *").unwrap().in_zone(name).expect_err(name);
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(cron("0 9 * * *", "europe/berlin").zone(), "Europe/Berlin");
}

#[test]
fn ways_to_write_one_thing_mean_one_thing() {
    for (one, other) in [
        ("@yearly", "0 0 1 1 *"),
        ("@ANNUALLY", "0 0 1 JAN *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 7"),
        ("@daily", "0 0 0 * * *"),
        ("@midnight", "00 00 * * ?"),
        ("@hourly", "0 * ? * *"),
        ("0 0 * * monday-Friday", "0 0 * * 1-5"),
        ("0 0 * * SAT-SUN", "0 0 * * 0,6"),
        ("0 0 * * FRI-7", "0 0 * * FRI,6,0"),
        ("0 0 * * 5L", "0 0 * * friday#L"),
        ("0 0 * February-mar *", "0 0 * 2,3 *"),
        ("0\t0  * * *", " 0 0 * * * "),
        ("0 0 * * 1-5#2", "0 0 * * MON#2,TUE#2,WED#2,THU#2,FRI#2"),
    ] {
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
        let moments = |pattern| cron(pattern, "UTC").between(from, to).collect::<Vec<_>>();
        assert!(!moments(one).is_empty(), "{one}");
        assert_eq!(moments(one), moments(other), "{one} and {other}");
    }
}

#[test]
fn a_pattern_is_kept_as_text() {
    for (written, json) in [
        (cron("0 9 * * MON-FRI", "Europe/Berlin"), r#"{"pattern":"0 9 * * MON-FRI","zone":"Europe/Berlin"}"#),
        (cron("@daily", "UTC"), r#"{"pattern":"@daily"}"#),
    ] {
        assert_eq!(serde_json::to_string(&written).unwrap(), json);
        assert_eq!(serde_json::from_str::<Cron>(json).unwrap(), written);
    }
    let error = serde_json::from_str::<Cron>(r#"{"pattern":"0 25 * * *"}"#).unwrap_err();
    assert!(error.to_string().contains("\"25\" is no hour"), "{error}");
    let error = serde_json::from_str::<Cron>(r#"{"pattern":"@daily","zone":"Mars"}"#).unwrap_err();
    assert!(error.to_string().contains("no time zone \"Mars\""), "{error}");
    let quarters = every(Duration::from_secs(900)).unwrap();
    assert_eq!(serde_json::to_string(&quarters).unwrap(), r#"{"interval":"15m"}"#);
    let json = r#"{"interval":"1h30m","anchor":"2026-01-01T00:00:00.000000Z"}"#;
    assert_eq!(serde_json::to_string(&serde_json::from_str::<Every>(json).unwrap()).unwrap(), json);
    assert!(serde_json::from_str::<Every>(r#"{"interval":"0s"}"#).is_err());
}

// ---------------------------------------------------------------------------------------------------------------
// In plain words

#[test]
fn patterns_are_told_in_plain_words() {
    for (pattern, zone, words) in [
        ("0 9 * * MON-FRI", "Europe/Berlin", "at 09:00 on Monday to Friday, Europe/Berlin"),
        ("0 9,17 * * *", "UTC", "at 09:00 and 17:00 every day, UTC"),
        ("0,12 9,17 * * *", "UTC", "at 09:00, 09:12, 17:00 and 17:12 every day, UTC"),
        ("* * * * *", "UTC", "every minute"),
        ("* * * * *", "Asia/Kathmandu", "every minute, Asia/Kathmandu"),
        ("*/15 * * * *", "UTC", "every 15 minutes"),
        ("0,30 * * * *", "UTC", "every 30 minutes"),
        ("*/7 * * * *", "UTC", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ("@hourly", "UTC", "every hour"),
        ("30 * * * *", "UTC", "at minute 30 of every hour"),
        ("5,20 * * * *", "UTC", "at minutes 5 and 20 of every hour"),
        ("0 */6 * * *", "UTC", "every 6 hours, UTC"),
        ("15 */2 * * *", "UTC", "every 2 hours at minute 15, UTC"),
        ("0 */5 * * *", "UTC", "at 00:00, 05:00, 10:00, 15:00 and 20:00 every day, UTC"),
        ("0 0,12 * * *", "UTC", "at 00:00 and 12:00 every day, UTC"),
        ("*/15 9-17 * * MON-FRI", "UTC", "every 15 minutes from 09:00 to 17:45 on Monday to Friday, UTC"),
        ("*/10 2 * * *", "UTC", "every 10 minutes from 02:00 to 02:50, UTC"),
        ("* 9 * * *", "UTC", "every minute from 09:00 to 09:59, UTC"),
        ("*/20 1,3 * * *", "UTC", "every 20 minutes of hours 1 and 3, UTC"),
        ("30 9-17 * * *", "UTC", "every hour from 09:30 to 17:30, UTC"),
        ("5-8 1,3-5 * * *", "UTC", "at minutes 5 to 8 of hours 1 and 3 to 5, UTC"),
        ("@weekly", "UTC", "at 00:00 on Sunday, UTC"),
        ("0 8 * * SAT-SUN", "UTC", "at 08:00 on Saturday and Sunday, UTC"),
        ("0 8 * * MON,WED-SUN", "UTC", "at 08:00 on Monday and Wednesday to Sunday, UTC"),
        ("@monthly", "UTC", "at 00:00 on day 1 of the month, UTC"),
        ("@yearly", "UTC", "at 00:00 on day 1 of the month in January, UTC"),
        ("0 0 1,15,20-22 * *", "UTC", "at 00:00 on days 1, 15 and 20 to 22 of the month, UTC"),
        ("0 0 L * *", "UTC", "at 00:00 on the last day of the month, UTC"),
        (
            "0 0 15W,LW * *",
            "UTC",
            "at 00:00 on the working day nearest to day 15 and the last working day of the month, UTC",
        ),
        ("0 9 * * MON#1", "UTC", "at 09:00 on the first Monday of the month, UTC"),
        ("0 9 * * MON#1,FRIL", "UTC", "at 09:00 on the first Monday and the last Friday of the month, UTC"),
        ("0 0 13 * FRI", "UTC", "at 00:00 on day 13 of the month or on Friday, UTC"),
        ("0 0 13 * +FRI", "UTC", "at 00:00 on day 13 of the month if it is Friday, UTC"),
        ("0 0 * JAN,JUN-AUG *", "UTC", "at 00:00 in January and June to August, UTC"),
        ("*/10 * * * JUL *", "UTC", "every 10 seconds in July, UTC"),
        ("* * * * * *", "UTC", "every second"),
        ("*/10 * * * * *", "UTC", "every 10 seconds"),
        ("30 * * * * *", "UTC", "at second 30 of every minute"),
        ("15 30 9 * * *", "UTC", "at 09:30:15 every day, UTC"),
        ("*/20 5 9 * * *", "UTC", "every 20 seconds of minute 5 of hour 9, UTC"),
    ] {
        assert_eq!(cron(pattern, zone).describe(), words, "{pattern}");
    }
}

#[test]
fn intervals_are_told_in_plain_words() {
    let told = |seconds| every(Duration::from_secs_f64(seconds)).unwrap().describe();
    assert_eq!(told(900.0), "every 15 minutes");
    assert_eq!(told(1.0), "every second");
    assert_eq!(told(5400.0), "every 1 hour and 30 minutes");
    assert_eq!(told(86_400.0), "every day");
    assert_eq!(told(0.25), "every 250 milliseconds");
    let hourly = every(Duration::from_secs(3600)).unwrap();
    assert_eq!(hourly.aligned().describe(), "every hour, counted from midnight UTC");
    let hourly = hourly.anchored(at("2026-01-01T00:30:00.123456Z"));
    assert_eq!(hourly.describe(), "every hour, counted from 2026-01-01 00:30:00 UTC");
    let week = every(Duration::from_secs(7 * 86_400)).unwrap().aligned();
    assert_eq!(week.describe(), "every 7 days, counted from 1970-01-01 00:00:00 UTC");
}

// ---------------------------------------------------------------------------------------------------------------
// Clocks that are put forward and back

#[test]
fn a_fixed_time_in_a_gap_fires_once_when_the_gap_ends() {
    // 02:00 to 03:00.
    let berlin = |pattern| fires(pattern, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(berlin("30 2 * * *"), ["2026-03-29T01:00Z"]);
    assert_eq!(berlin("0 2 * * *"), ["2026-03-29T01:00Z"]);
    assert_eq!(berlin("0,10,59 2 * * *"), ["2026-03-29T01:00Z"]);
    assert_eq!(berlin("30 2,3 * * *"), ["2026-03-29T01:00Z", "2026-03-29T01:30Z"]);
    // What fires at the end of the gap anyway fires there once.
    assert_eq!(berlin("0 2,3 * * *"), ["2026-03-29T01:00Z"]);
    assert_eq!(berlin("0 1-4 * * *"), ["2026-03-29T00:00Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z"]);
    assert_eq!(berlin("59 59 1 * * *"), ["2026-03-29T00:59:59.000000Z"]);
    assert_eq!(berlin("1 0 3 * * *"), ["2026-03-29T01:00:01.000000Z"]);
    // 30 minutes: 02:00 to 02:30.
    let howe =
        |pattern| fires(pattern, "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z");
    assert_eq!(howe("15 2 * * *"), ["2026-10-03T15:30Z"]);
    assert_eq!(howe("30 2 * * *"), ["2026-10-03T15:30Z"]);
    assert_eq!(howe("45 2 * * *"), ["2026-10-03T15:45Z"]);
    // Midnight itself: 00:00 to 01:00 on 15 October 2017.
    let sao_paulo =
        |pattern| fires(pattern, "America/Sao_Paulo", "2017-10-14T12:00:00Z", "2017-10-15T12:00:00Z");
    assert_eq!(sao_paulo("0 0 * * *"), ["2017-10-15T03:00Z"]);
    assert_eq!(sao_paulo("0 0 15 10 *"), ["2017-10-15T03:00Z"]);
    assert_eq!(sao_paulo("0 0 14 10 *"), [""; 0]);
    // A whole day: 30 December 2011 was left out.
    let apia = |pattern| fires(pattern, "Pacific/Apia", "2011-12-29T12:00:00Z", "2012-01-01T12:00:00Z");
    assert_eq!(
        apia("0 9 * * *"),
        ["2011-12-29T19:00Z", "2011-12-30T10:00Z", "2011-12-30T19:00Z", "2011-12-31T19:00Z"]
    );
    assert_eq!(apia("0 9 30 12 *"), ["2011-12-30T10:00Z"]);
    assert_eq!(apia("0 9 * * FRI"), ["2011-12-30T10:00Z"]);
}

#[test]
fn a_fixed_time_in_a_fold_fires_once_when_it_is_first_shown() {
    // 03:00 to 02:00.
    let berlin = |pattern| fires(pattern, "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(berlin("30 2 * * *"), ["2026-10-25T00:30Z"]);
    assert_eq!(berlin("0 2,3 * * *"), ["2026-10-25T00:00Z", "2026-10-25T02:00Z"]);
    assert_eq!(berlin("0 1-3 * * *"), ["2026-10-24T23:00Z", "2026-10-25T00:00Z", "2026-10-25T02:00Z"]);
    assert_eq!(berlin("59 59 2 * * *"), ["2026-10-25T00:59:59.000000Z"]);
    let new_york =
        |pattern| fires(pattern, "America/New_York", "2026-11-01T00:00:00Z", "2026-11-01T12:00:00Z");
    assert_eq!(new_york("30 1 * * *"), ["2026-11-01T05:30Z"]);
    // Midnight: 00:00 to 23:00 of the day before.
    let sao_paulo =
        |pattern| fires(pattern, "America/Sao_Paulo", "2018-02-17T12:00:00Z", "2018-02-18T12:00:00Z");
    assert_eq!(sao_paulo("30 23 * * *"), ["2018-02-18T01:30Z"]);
    assert_eq!(sao_paulo("0 0 * * *"), ["2018-02-18T03:00Z"]);
    // In its second half nothing is left of it.
    let half_past_two = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(half_past_two.next(at("2026-10-25T01:10:00Z")), Some(at("2026-10-26T01:30:00Z")));
    assert_eq!(half_past_two.previous(at("2026-10-25T01:10:00Z")), Some(at("2026-10-25T00:30:00Z")));
}

#[test]
fn a_pattern_that_runs_goes_by_what_clocks_show() {
    let berlin = |pattern, from: &str, to: &str| fires(pattern, "Europe/Berlin", from, to);
    let gap = ("2026-03-29T00:30:00Z", "2026-03-29T02:30:00Z");
    assert_eq!(
        berlin("*/30 * * * *", gap.0, gap.1),
        ["2026-03-29T00:30Z", "2026-03-29T01:00Z", "2026-03-29T01:30Z", "2026-03-29T02:00Z"]
    );
    assert_eq!(berlin("*/10 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z"), [""; 0]);
    assert_eq!(berlin("30 * * * *", gap.0, gap.1), ["2026-03-29T00:30Z", "2026-03-29T01:30Z"]);
    let fold = ("2026-10-25T00:00:00Z", "2026-10-25T02:30:00Z");
    assert_eq!(
        berlin("*/30 * * * *", fold.0, fold.1),
        [
            "2026-10-25T00:00Z",
            "2026-10-25T00:30Z",
            "2026-10-25T01:00Z",
            "2026-10-25T01:30Z",
            "2026-10-25T02:00Z"
        ]
    );
    assert_eq!(berlin("*/10 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z").len(), 12);
    assert_eq!(berlin("30 * * * *", fold.0, fold.1), ["2026-10-25T00:30Z", "2026-10-25T01:30Z"]);
}

#[test]
fn seconds_go_on_over_every_change() {
    for (name, change) in
        [("Europe/Berlin", "2026-03-29T01:00:00Z"), ("Europe/Berlin", "2026-10-25T01:00:00Z")]
    {
        let (from, to) = (at(change) - Duration::from_secs(100), at(change) + Duration::from_secs(100));
        assert_eq!(fires("* * * * * *", name, &from.to_string(), &to.to_string()).len(), 200);
    }
}

#[test]
fn working_days_stay_in_their_month() {
    let days = |pattern, from: &str, to: &str| {
        let midnight = |day: &str| format!("{day}T00:00:00Z");
        let fires = fires(pattern, "UTC", &midnight(from), &midnight(to));
        fires.iter().map(|moment| moment[..10].to_owned()).collect::<Vec<_>>()
    };
    // A Saturday, then a Tuesday; then Saturday and Sunday that end a month.
    assert_eq!(days("0 0 1W * *", "2026-08-01", "2026-09-30"), ["2026-08-03", "2026-09-01"]);
    assert_eq!(days("0 0 31W * *", "2026-01-01", "2026-06-01"), ["2026-01-30", "2026-03-31", "2026-05-29"]);
    assert_eq!(
        days("0 0 15W * *", "2026-08-01", "2026-12-01"),
        ["2026-08-14", "2026-09-15", "2026-10-15", "2026-11-16"]
    );
    assert_eq!(
        days("0 0 LW * *", "2026-01-01", "2026-06-01").join(" "),
        "2026-01-30 2026-02-27 2026-03-31 2026-04-30 2026-05-29"
    );
    assert_eq!(days("0 0 L 2 *", "2027-01-01", "2029-01-01"), ["2027-02-28", "2028-02-29"]);
    assert_eq!(days("0 0 * * FRIL", "2026-01-01", "2026-03-01"), ["2026-01-30", "2026-02-27"]);
    assert_eq!(days("0 0 * * MON#5", "2026-01-01", "2026-07-01"), ["2026-03-30", "2026-06-29"]);
    assert_eq!(days("0 0 13 * +FRI", "2026-01-01", "2027-01-01"), ["2026-02-13", "2026-03-13", "2026-11-13"]);
}

#[test]
fn a_zone_without_changes_is_as_far_away_as_it_says() {
    assert_eq!(
        fires("0 9 * * *", "Asia/Kathmandu", "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z"),
        ["2026-03-28T03:15Z", "2026-03-29T03:15Z"]
    );
}

const ZONES: [&str; 11] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Europe/Dublin",
    "America/St_Johns",
    "Antarctica/Troll",
    "UTC",
];

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or_else(|error| panic!("{error}"))
}

/// The moments at which the clocks of a zone are put forward or back, from 1972 to 2060.
fn changes(zone: &TimeZone) -> Vec<Jiff> {
    let (from, to) = (
        "1972-01-01T00:00:00Z".parse().expect("a moment"),
        "2060-01-01T00:00:00Z".parse().expect("a moment"),
    );
    zone.following(from).map(|change| change.timestamp()).take_while(|change| *change < to).collect()
}

/// The first moment at which the clocks show a time, or a later one, because they left it out.
fn first_shown(zone: &TimeZone, time: DateTime) -> Jiff {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    let (Ok(mut low), Ok(mut high)) = (ambiguous.earlier(), ambiguous.later()) else { panic!("{time}") };
    if zone.to_datetime(low) == time {
        return low;
    }
    // In the gap: the earlier moment is before it, the later one after it.
    while low < high {
        let middle = Jiff::from_second(low.as_second() + (high.as_second() - low.as_second()) / 2)
            .expect("a second of these years");
        if zone.to_datetime(middle) < time {
            low = middle + 1.second();
        } else {
            high = middle;
        }
    }
    low
}

fn micros(moment: Jiff) -> Timestamp {
    Timestamp::from_micros(u64::try_from(moment.as_microsecond()).expect("since 1970"))
}

fn jiff(moment: Timestamp) -> Jiff {
    Jiff::from_microsecond(i64::try_from(moment.as_micros()).expect("within these years"))
        .expect("within these years")
}

#[test]
fn every_day_of_ninety_years_has_its_fixed_times() {
    for name in ZONES {
        let place = zone(name);
        for (pattern, hour, minute) in [("30 2 * * *", 2, 30), ("0 0 * * *", 0, 0)] {
            let cron = cron(pattern, name);
            let mut expected: Vec<Timestamp> = date(1971, 1, 1)
                .series(1.day())
                .take_while(|day| day.year() < 2061)
                .map(|day| micros(first_shown(&place, day.at(hour, minute, 0, 0))))
                .collect();
            expected.dedup();
            let mut last = expected[0] - Duration::from_secs(1);
            for expected in expected {
                assert_eq!(cron.next(last), Some(expected), "{pattern} in {name} after {last}");
                last = expected;
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Any pattern, any zone

fn several(item: BoxedStrategy<String>) -> BoxedStrategy<String> {
    prop::collection::vec(item, 1..3).prop_map(|items| items.join(",")).boxed()
}

/// Numbers, ranges, stars and steps.
fn field(least: u8, last: u8) -> BoxedStrategy<String> {
    let number = move || least..=last;
    let range = (number(), number()).prop_map(|(one, other)| (one.min(other), one.max(other)));
    let item = prop_oneof![
        4 => number().prop_map(|number| number.to_string()),
        1 => range.clone().prop_map(|(from, to)| format!("{from}-{to}")),
        1 => (range, 1..=last).prop_map(|((from, to), step)| format!("{from}-{to}/{step}")),
        1 => (1..=last).prop_map(|step| format!("*/{step}")),
    ];
    prop_oneof![1 => Just("*".to_owned()), 2 => several(item.boxed())].boxed()
}

fn dates() -> BoxedStrategy<String> {
    let special = prop_oneof![
        Just("L".to_owned()),
        Just("LW".to_owned()),
        (1..=31u8).prop_map(|day| format!("{day}W")),
        (1..=31u8, 1..=31u8).prop_map(|(day, near)| format!("{day},{near}W")),
    ];
    prop_oneof![3 => Just("*".to_owned()), 3 => field(1, 31), 2 => special].boxed()
}

fn weekdays() -> BoxedStrategy<String> {
    let special = prop_oneof![
        (0..=6u8, 1..=5u8).prop_map(|(day, number)| format!("{day}#{number}")),
        (0..=7u8).prop_map(|day| format!("{day}L")),
        (0..=6u8, 0..=6u8, 1..=4u8).prop_map(|(day, other, number)| format!("{day},{other}#{number}")),
        Just("MON-FRI".to_owned()),
        Just("SAT-SUN".to_owned()),
    ];
    let days = prop_oneof![3 => Just("*".to_owned()), 3 => field(0, 6), 2 => special];
    (any::<bool>(), days)
        .prop_map(|(both, days)| if both && days != "*" { format!("+{days}") } else { days })
        .boxed()
}

fn months() -> BoxedStrategy<String> {
    prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 12)].boxed()
}

fn five_fields() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), dates(), months(), weekdays())
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

/// Patterns that fire now and then in the small hours, when clocks are put forward and back.
fn small_hours() -> impl Strategy<Value = String> {
    (field(0, 59), prop_oneof![field(0, 4), field(0, 23), Just("23,0,1".to_owned())])
        .prop_map(|(minute, hour)| format!("{minute} {hour} * * *"))
}

/// What croner finds next in UTC.
fn croner_next(pattern: &croner::Cron, after: Timestamp) -> Option<Timestamp> {
    let after = jiff(after).to_zoned(TimeZone::UTC);
    pattern.find_next_occurrence(&after, false).ok().map(|next| micros(next.timestamp()))
}

/// Whether what clocks show matches, as croner sees it.
fn matches(pattern: &croner::Cron, time: DateTime) -> bool {
    let shown: Zoned = time.to_zoned(TimeZone::UTC).expect("UTC leaves nothing out");
    pattern.is_time_matching(&shown).expect("a time that there is")
}

/// Whether a pattern runs, by its text.
fn runs(pattern: &str) -> bool {
    let clock = pattern.split(' ').take(pattern.split(' ').count() - 3);
    clock.into_iter().any(|field| field.contains(['*', '/']))
}

/// Walks through time by the minute, looks at what clocks show, and at what they leave out.
fn walked(pattern: &str, zone: &TimeZone, from: Jiff, minutes: i64) -> Vec<Timestamp> {
    let read: croner::Cron = pattern.parse().expect("a pattern that both can read");
    let runs = runs(pattern);
    let (mut found, mut latest) = (Vec::new(), zone.to_datetime(from - 24.hours()));
    for minute in -1440..minutes {
        let now = from + minute.minutes();
        let shown = zone.to_datetime(now);
        let again = shown <= latest;
        let mut missing = latest + 1.minute();
        let mut left_out = false;
        while missing < shown {
            left_out |= matches(&read, missing);
            missing += 1.minute();
        }
        let fires = if runs { matches(&read, shown) } else { left_out || !again && matches(&read, shown) };
        if fires && minute >= 0 {
            found.push(micros(now));
        }
        latest = latest.max(shown);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_fires_next_in_utc_is_what_croner_finds(
        pattern in prop_oneof![
            5 => five_fields(),
            1 => (field(0, 59), five_fields()).prop_map(|(second, five)| format!("{second} {five}")),
        ],
        seconds in 0..3_000_000_000_u64,
    ) {
        let (cron, croner) = (cron(&pattern, "UTC"), pattern.parse::<croner::Cron>().unwrap());
        let mut last = Timestamp::from_micros(seconds * 1_000_000);
        for _ in 0..10 {
            let next = cron.next(last);
            prop_assert_eq!(next, croner_next(&croner, last), "{} after {}", pattern, last);
            let Some(next) = next else { break };
            prop_assert!(next > last);
            prop_assert_eq!(cron.previous(next + Duration::from_micros(1)), Some(next));
            last = next;
        }
    }

    #[test]
    fn around_changes_of_clocks_all_fires_that_a_walk_by_minutes_finds(
        pattern in prop_oneof![small_hours(), five_fields()],
        place in 0..ZONES.len(),
        change in any::<prop::sample::Index>(),
    ) {
        let zone = zone(ZONES[place]);
        let changes = changes(&zone);
        let change = if changes.is_empty() { Jiff::from_second(999_999_960).unwrap() } else { *change.get(&changes) };
        // Whole minutes of the zone are whole minutes of UTC from 1972 on, here.
        let from = change - 2.hours() - i64::from(place as u8 % 3).hours();
        let expected = walked(&pattern, &zone, from, 1700);
        let (from, to) = (micros(from), micros(from + 1700.minutes()));
        let cron = cron(&pattern, ZONES[place]);
        let found: Vec<Timestamp> = cron.between(from, to).collect();
        let differs = found.iter().zip(&expected).position(|(one, other)| one != other);
        let differs = differs.unwrap_or(found.len().min(expected.len()));
        prop_assert_eq!(found.get(differs), expected.get(differs), "{} in {} from {}", pattern, ZONES[place], from);
    }

    #[test]
    fn next_previous_between_and_count_agree(
        pattern in prop_oneof![
            small_hours(),
            five_fields(),
            (field(0, 59), small_hours()).prop_map(|(second, five)| format!("{second} {five}")),
        ],
        place in 0..ZONES.len(),
        change in any::<prop::sample::Index>(),
        before in 0..400_000_000_000_u64,
        length in prop_oneof![0..600_000_000_000_u64, 0..40_000_000_000_000_u64],
    ) {
        let cron = cron(&pattern, ZONES[place]);
        let changes = changes(&zone(ZONES[place]));
        let change = if changes.is_empty() { at("2001-01-01T00:00:00Z") } else { micros(*change.get(&changes)) };
        let from = change - Duration::from_micros(before);
        let end = from + Duration::from_micros(length);
        let found: Vec<Timestamp> = cron.between(from, end).take(500).collect();
        prop_assert!(found.is_sorted_by(|one, next| one < next));
        // Where there are too many, the last one ends it.
        let to = if found.len() < 500 { end } else { *found.last().unwrap() + Duration::from_micros(1) };
        prop_assert_eq!(cron.count(from, to), found.len() as u64, "{} in {}", pattern, ZONES[place]);
        let mut last = to;
        for expected in found.iter().rev() {
            prop_assert_eq!(cron.previous(last), Some(*expected), "{} before {}", pattern, last);
            last = *expected;
        }
        prop_assert!(cron.previous(last).is_none_or(|previous| previous < from));
        // Halves add up.
        let middle = from + to.since(from) / 2;
        prop_assert_eq!(cron.count(from, middle) + cron.count(middle, to), cron.count(from, to));
        if let Some(next) = cron.next(middle) {
            prop_assert!(next > middle);
            prop_assert!(cron.previous(next).is_none_or(|previous| previous <= middle));
            prop_assert_eq!(cron.previous(next + Duration::from_micros(1)), Some(next));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[-0-9*/,#LWlw?+@ A-Zé]{0,30}") {
        if let Ok(cron) = Cron::parse(&text) {
            cron.describe();
            cron.next(at("2026-01-01T00:00:00Z"));
        }
    }

    #[test]
    fn intervals_are_exact(
        micros in 1000..10_000_000_000_000_u64,
        anchor in 0..4_000_000_000_000_000_u64,
        from in 0..4_000_000_000_000_000_u64,
        many in 0..2000_u32,
    ) {
        let every = every(Duration::from_micros(micros)).unwrap().anchored(Timestamp::from_micros(anchor));
        let from = Timestamp::from_micros(from);
        let first = every.next(from).unwrap();
        prop_assert!(first > from && first.since(from) <= Duration::from_micros(micros));
        prop_assert_eq!(first.as_micros().abs_diff(anchor) % micros, 0);
        let later = first + Duration::from_micros(micros) * many;
        prop_assert_eq!(every.previous(later + Duration::from_micros(1)), Some(later));
        prop_assert_eq!(every.count(first, later), u64::from(many));
        prop_assert_eq!(every.between(first, later).count(), many as usize);
        prop_assert_eq!(every.previous(first).is_none(), first.as_micros() <= micros);
    }
}

#[test]
fn an_interval_must_be_a_millisecond_or_longer() {
    let error = every(Duration::from_micros(999)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an interval of 999µs is too short for a schedule; make it a millisecond or longer"
    );
    assert!(every(Duration::MAX).unwrap().next(at("2026-01-01T00:00:00Z")).is_none());
}

// ---------------------------------------------------------------------------------------------------------------
// How long it takes

#[test]
fn the_rarest_days_are_found_and_those_that_never_come_end_the_search() {
    let next = |pattern, after: &str| cron(pattern, "Europe/Berlin").next(at(after));
    // As long as anything is left out: 2100 is no leap year.
    assert_eq!(next("0 12 29 2 +SUN", "2088-03-01T00:00:00Z"), Some(at("2128-02-29T11:00:00Z")));
    let started = Instant::now();
    for pattern in
        ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30 * +MON#1", "0 0 1-7 * +SUN#5", "0 0 29 2 +MON#1"]
    {
        assert_eq!(next(pattern, "2026-01-01T00:00:00Z"), None, "{pattern}");
        assert_eq!(cron(pattern, "UTC").previous(at("2026-01-01T00:00:00Z")), None, "{pattern}");
        assert_eq!(cron(pattern, "UTC").count(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")), 0);
    }
    assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
}

#[test]
fn time_ends() {
    let cron = cron("0 0 1 1 *", "America/New_York");
    assert_eq!(cron.next(Timestamp::from_micros(u64::MAX)), None);
    assert_eq!(cron.previous(Timestamp::EPOCH), None);
    assert_eq!(cron.previous(at("1970-01-01T04:00:00Z")), None);
    assert_eq!(cron.next(Timestamp::EPOCH), Some(at("1970-01-01T05:00:00Z")));
    assert_eq!(cron.count(Timestamp::EPOCH, Timestamp::from_micros(u64::MAX)), 8030);
    assert_eq!(cron.between(at("9990-06-01T00:00:00Z"), Timestamp::from_micros(u64::MAX)).count(), 9);
    assert_eq!(cron.count(at("2027-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z")), 0);
}

#[test]
fn what_fires_next_is_found_in_microseconds() {
    for (pattern, name) in [
        ("0 9 * * MON-FRI", "Europe/Berlin"),
        ("*/5 * * * *", "America/New_York"),
        ("0 0 L * *", "Asia/Kathmandu"),
    ] {
        let cron = cron(pattern, name);
        let (started, mut last) = (Instant::now(), at("2026-01-01T00:00:00Z"));
        for _ in 0..1000 {
            last = cron.next(last).unwrap();
        }
        let each = started.elapsed() / 1000;
        println!("{pattern} in {name}: {each:?}");
        // Twenty times what is wanted, because tests are not optimized and machines are busy.
        assert!(each < Duration::from_micros(200), "{each:?}");
    }
}
