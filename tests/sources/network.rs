//! Sources of every kind answer one question.

use super::*;
use lab::Lab;

#[test]
fn every_kind_of_source_answers_and_those_that_fail_hold_nobody_up() {
    let (lab, folder) = (Lab::new(), Folder::new());
    folder.write("a.csv", "name,n\nx,1.5\ny,NA\nz\nx,2\n");
    folder.write("b.txt", "n;name\n10,25;x\n");
    folder.write("gone.csv", "n\n8675309\n");
    let connection = rusqlite::Connection::open(folder.path("c.db")).unwrap();
    connection.execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (20), (30.5), (NULL);").unwrap();
    let file = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let config = folder.write("light.toml", "[[source]]\ncommand = [\"sh\", \"-c\", \"echo '[{\\\"n\\\": 40}, {}]'\"]\nfields = [\"n\"]\nformat = \"json\"\n");

    let heavy = lab.network(&[], &[]);
    let address = lab.json(&["id", "--node", &heavy[0]]).data()["addresses"][0].as_str().unwrap().to_owned();
    let common =
        ["--role", "light", "--new", "--policy", "open", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let light = |more: &[&str]| {
        let node = lab.start(&[&common[..], &["--bootstrap", &address], more].concat());
        node["uid"].as_str().unwrap().to_owned()
    };
    light(&["--data", "n=100", "--data", "other=yes"]);
    light(&["--csv", &file("a.csv")]);
    light(&["--csv", &file("b.txt"), "--decimal", ","]);
    light(&["--sqlite", &file("c.db"), "--query", "SELECT n FROM t"]);
    light(&["--config", config.to_str().unwrap()]);
    let failing = light(&["--command", "n=false"]);
    let hanging = light(&["--command", "n=sleep 1000", "--command-timeout", "300ms"]);
    let gone = light(&["--csv", &file("gone.csv")]);
    fs::remove_file(file("gone.csv")).unwrap();
    lab.wait_for_view(&gone, 3, 8);

    let schema = r#"{"type":"number","minimum":0,"maximum":1000,"multipleOf":0.01}"#;
    let question = ["propose", "--prompt", "?", "--field", "n", "--statistic", "sum", "--schema", schema];
    let more = ["--max-records", "10", "--deadline", "4s", "--wait", "--node", &gone];
    let result = lab.json(&[&question[..], &more].concat()).data()["result"].clone();
    let expected = 100.0 + 3.5 + 10.25 + 50.5 + 40.0;
    assert_eq!(result["sum"].as_f64(), Some(expected), "{result}");
    assert_eq!((&result["participants"], &result["samples"]), (&5.into(), &7.into()));

    // Their owners read why in the log, without a value; nobody else does.
    for (node, names) in
        [(&failing, "failed: exit status: 1"), (&hanging, "was not read to its end"), (&gone, "gone.csv")]
    {
        let logs = lab.run(&["logs", node, "--json"]).stdout;
        assert!(logs.contains(names) && !logs.contains(CANARY), "{logs}");
    }
    for node in &heavy {
        let logs = lab.run(&["logs", node, "--json"]).stdout;
        assert!(!logs.contains("gone.csv") && !logs.contains("exit status"), "{logs}");
    }
}

#[test]
fn a_node_that_stops_leaves_no_program_behind() {
    let (lab, folder) = (Lab::new(), Folder::new());
    let body = "echo $$ > group; sleep 1000 & sleep 1000";
    let declared =
        format!("[[source]]\ncommand = [\"sh\", \"-c\", \"{body}\"]\nfields = [\"n\"]\ntimeout = \"60s\"\n");
    let config = folder.write("light.toml", declared);
    let heavy = lab.network(&[], &[]);
    let address = lab.json(&["id", "--node", &heavy[0]]).data()["addresses"][0].as_str().unwrap().to_owned();
    let common = ["--role", "light", "--policy", "open", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let told = ["--bootstrap", &address, "--config", config.to_str().unwrap()];
    let uid = lab.start(&[&common[..], &told].concat())["uid"].as_str().unwrap().to_owned();
    lab.wait_for_view(&uid, 3, 1);
    lab.propose(&uid, "60s");
    lab.until("the program runs", || {
        fs::read_to_string(folder.path("group")).is_ok_and(|group| group.ends_with('\n'))
    });
    lab.json(&["stop", &uid]).data();
    assert!(command::group_is_gone(&folder));
}
