//! Long vectors, from the owners' data to everybody's result.

use formix_p2p::control::Proposal;
use formix_p2p::domain::Status;
use formix_p2p::protocol::verify_certificate;
use serde_json::Value;

use super::*;

/// So many that a result is made whenever somebody asks for it.
const LENGTH: usize = 12_000;
const LIGHT: usize = 4;

/// One light node's element.
fn element(light: usize, at: usize) -> i64 {
    ((light * 31 + at * 17) % 256) as i64 - 100
}

fn vector(light: usize) -> String {
    let elements: Vec<_> = (0..LENGTH).map(|at| element(light, at).to_string()).collect();
    format!("[{}]", elements.join(","))
}

fn update(length: usize) -> Proposal {
    let items = r#"{"type":"integer","minimum":-100,"maximum":155}"#;
    let schema = format!(r#"{{"type":"array","items":{items},"minItems":{length},"maxItems":{length}}}"#);
    Proposal {
        schema: Some(schema),
        max_records: Some(1),
        sharing: Some("additive".to_owned()),
        modulus_bits: Some(32),
        ..Proposal::new("What has your model learned?", "vector-mean", &["beds"])
    }
}

/// Every element is the sum and the mean of what the owners have.
fn assert_exact(result: &Value) {
    let (sums, means) = (result["sum"].as_array().unwrap(), result["mean"].as_array().unwrap());
    assert_eq!((sums.len(), means.len()), (LENGTH, LENGTH));
    for at in 0..LENGTH {
        let sum: i64 = (0..LIGHT).map(|light| element(light, at)).sum();
        assert_eq!(sums[at].as_i64(), Some(sum), "element {at}");
        // Quarters are doubles.
        assert_eq!(means[at].as_f64(), Some(sum as f64 / LIGHT as f64), "element {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_vector_is_added_up_element_by_element() {
    let values: Vec<_> = (0..LIGHT).map(vector).collect();
    let values: Vec<_> = values.iter().map(|value| Some(value.as_str())).collect();
    let nodes = Nodes::start(3, &values).await;
    for node in &nodes.light {
        network_until(node, |view| (view.heavy, view.light) == (3, LIGHT)).await;
    }
    let everybody = Proposal {
        participants: nodes.light.iter().map(|node| node.id().uid).collect(),
        deadline_ms: 60_000,
        ..update(LENGTH)
    };
    let id = propose(&nodes.light[0], everybody).await.unwrap();
    for node in nodes.light.iter().chain(&nodes.heavy) {
        known(node, &id).await;
        let end = end_of(node, &id).await;
        assert_eq!((end.status, end.reason, end.participants), (Status::Completed, None, 4));
        assert_eq!(end.signed_by.len(), 3);
        assert_exact(&end.result.unwrap());
    }
    // A list of all questions leaves long results out.
    let Reply::Computations(listed) = ask(&nodes.light[2], Request::Computations).await.unwrap() else {
        panic!("no computations")
    };
    assert_eq!((listed.len(), listed[0].status, &listed[0].result), (1, Status::Completed, &None));
    assert_eq!((listed[0].samples, listed[0].participants, listed[0].signed_by.len()), (4, 4, 3));
    // The certificate alone says the same.
    let reply = ask(&nodes.light[1], Request::Certificate { reference: id }).await.unwrap();
    let Reply::Certificate(bytes) = reply else { panic!("{reply:?}") };
    assert_exact(&verify_certificate(&bytes).unwrap().answer.to_json());
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_fits_no_message_is_refused_before_anybody_is_asked() {
    let nodes = Nodes::start(3, &[Some("1")]).await;
    let long = Proposal { modulus_bits: Some(128), ..update(200_000) };
    let error = propose(&nodes.light[0], long).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("too_long", 2));
    for said in ["3 heavy nodes", "200001 numbers of 16 bytes", "169301 numbers would fit"] {
        assert!(error.message.contains(said), "{error}");
    }
    assert!(error.hint.contains("--modulus-bits 32"), "{error}");
    let Reply::Computations(known) = ask(&nodes.light[0], Request::Computations).await.unwrap() else {
        panic!("no computations")
    };
    assert_eq!(known, Vec::new());
    nodes.stop().await;
}
