//! Runs one seed of the simulator and prints its story: `cargo run --example simulate -- 7`.

use formix_p2p::sim::{End, Keep, Run, Scenario};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(7), |seed| seed.parse())?;
    let scenario = Scenario::draw(seed);
    let names: Vec<_> =
        (0..scenario.nodes.len()).map(|index| scenario.name(formix_p2p::sim::NodeIndex(index))).collect();
    for (name, node) in names.iter().zip(&scenario.nodes).filter(|(_, node)| node.cheat.is_some()) {
        println!("{name} cheats: {:?}", node.cheat);
    }
    println!("{:?}", scenario.weather);
    let report = Run::new(scenario, Keep::Everything).finish()?;
    print!("{}", report.story);
    for ending in &report.endings {
        println!("{}", ending.id.map_or_else(|| "never asked".to_owned(), |id| id.to_string()));
        for (node, end) in &ending.at {
            let name = names.get(node.0).map_or("?", String::as_str);
            match end {
                End::Completed { participants, sum, .. } => {
                    println!("  {name}: completed, sum {sum} over {participants} participants");
                }
                End::Failed(failure) => println!("  {name}: failed, {failure}"),
                End::Open => println!("  {name}: open"),
            }
        }
    }
    let (steps, messages, lasted) = (report.steps, report.messages, report.lasted);
    println!("seed {seed}: {steps} steps, {messages} messages, {lasted:?} of virtual time");
    Ok(())
}
