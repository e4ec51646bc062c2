//! Every limit in one place: its name, its number, and where the number comes from.

use std::time::Duration;

/// One message over request-response. A list of [`REPORTS_PER_COMPUTATION_MAX`] entries fits.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Characters of an error about a stranger's bytes, which may quote them: a line of a log.
pub const MALFORMED_CHARS_MAX: usize = 160;
/// One gossip message. Gossipsub drops what comes within a KiB of its frame limit, so the frame is larger.
pub const GOSSIP_BYTES_MAX: usize = 64 * 1024;
/// Open computations that a heavy node carries.
pub const OPEN_PER_HEAVY_MAX: usize = 256;
/// Open computations that a heavy node carries for one proposer; also what a proposer may have open.
pub const OPEN_PER_PROPOSER_MAX: usize = 128;
/// Ended computations that a node remembers in full. Older ones are pruned; a guess: months of use.
pub const ENDED_KEPT_MAX: usize = 10_000;
/// Ended computations that a node remembers though it had no part in them.
pub const FOREIGN_KEPT_MAX: usize = 1_000;
/// Reports that one computation may take.
pub const REPORTS_PER_COMPUTATION_MAX: u32 = 100_000;
/// Bytes of reports that a heavy node takes for one computation, all of which it keeps in memory: 100 000 of 10 KiB each fit,
/// or 256 of the largest.
pub const HELD_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of reports that a heavy node holds of all computations: a quarter of the memory of a common server. A guess.
pub const HELD_BYTES_IN_ALL_MAX: u64 = 4 * HELD_BYTES_MAX;
/// Reports that a computation takes unless its proposer says otherwise.
pub const REPORTS_PER_COMPUTATION_DEFAULT: u32 = 10_000;
/// Pairs of conflicting reports that one list may carry as evidence: with them a full list still fits a message.
pub const EXCLUSIONS_MAX: usize = 256;
/// Heavy nodes of one computation, at least: with fewer, one dishonest pair reads everything.
pub const HEAVY_MIN: usize = 3;
/// Heavy nodes of one computation, at most: agreement sends the square of this many messages.
pub const HEAVY_MAX: usize = 16;
/// Verifier shares sent at once, in bytes: a message may carry eight times as much.
pub const VERIFIER_BATCH_BYTES: usize = 1024 * 1024;
/// Batches of verifier shares of one heavy node: 100 000 reports of 10 KiB each fit. Each costs a digest of 32 bytes.
pub const VERIFIER_BATCHES_MAX: usize = 1_024;
/// Characters of a prompt.
pub const PROMPT_CHARS_MAX: usize = 500;
/// Characters of a field's name.
pub const FIELD_NAME_CHARS_MAX: usize = 64;
/// Fields of one question: a regression over more needs more records than people have, and squares of them slots.
pub const FIELDS_MAX: usize = 32;
/// Categories of one field: what a table can show, and what fits an announcement.
pub const CATEGORIES_MAX: usize = 1_000;
/// Characters of one category.
pub const CATEGORY_CHARS_MAX: usize = 64;
/// Bytes of all categories of one field: with two such fields and a full closed list a question still fits a gossip message.
pub const CATEGORIES_BYTES_MAX: usize = 8 * 1024;
/// Buckets of a histogram: their edges must fit an announcement.
pub const BUCKETS_MAX: usize = 500;
/// Buckets behind quantiles, and cells of a table. Each costs a slot in every report.
pub const CELLS_MAX: u128 = 10_000;
/// Quantiles of one question.
pub const PROBABILITIES_MAX: usize = 100;
/// Numbers in one vector: as many as fit a report of 8 MiB.
pub const VECTOR_LENGTH_MAX: u32 = 262_144;
/// Powers that a univariate description adds up, at most: up to the sixth moment.
pub const MOMENTS_MAX: u8 = 6;
/// Records that one participant may answer with, at most: a table of a large hospital fits many times.
pub const RECORDS_MAX: u32 = 1_000_000_000;
/// Records that one participant may answer with unless the proposer says otherwise.
pub const RECORDS_DEFAULT: u32 = 10_000;
/// Slots that noise is drawn for, as many as a table has: in a sum each has its part of ε, and noise is drawn before anybody
/// has agreed to anything.
pub const NOISE_SLOTS_MAX: usize = 10_000;
/// Bits of the scale of noise: with it, a sample of 2^126 or more is out of the question (e^−65536).
pub const NOISE_SCALE_BITS_MAX: u32 = 110;
/// Characters of a node's name.
pub const NODE_NAME_CHARS_MAX: usize = 32;
/// The participants that a closed list may name: the computation must still fit a gossip message.
pub const CLOSED_LIST_MAX: usize = 1_000;
/// The shortest time from proposal to deadline.
pub const DEADLINE_MIN: Duration = Duration::from_millis(500);
/// From proposal to deadline unless the proposer says otherwise.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);
/// The longest time from proposal to deadline.
pub const DEADLINE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// The shortest time that heavy nodes may take to agree: a few round trips and commits on a slow machine.
pub const PATIENCE_MIN: Duration = Duration::from_secs(1);
/// The longest time that missing heavy nodes may be waited for.
pub const PATIENCE_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long missing heavy nodes are waited for unless the proposer says otherwise.
pub const PATIENCE_DEFAULT: Duration = Duration::from_secs(60);
/// How long a threshold scheme waits before it goes on without a missing heavy node.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(3);
/// How far two clocks may be apart. Machines that keep time by NTP stay within a tenth of it.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(30);
/// How long a heavy node that has accepted waits for the announcement, as long as a missing heavy node is waited for.
pub const ANNOUNCEMENT_WAIT: Duration = Duration::from_secs(60);
/// Characters of a rule that a heavy node says a proposal breaks.
pub const REFUSAL_CHARS_MAX: usize = 300;
/// How long heavy nodes have to accept a proposal: what a person waits for without doubt.
pub const ACCEPTANCE_WAIT: Duration = Duration::from_secs(4);
/// After deadline and patience: how long the end may still take to reach a node before it says "no contact".
pub const NO_CONTACT_MARGIN: Duration = Duration::from_secs(10);
/// Answers about one field in a day that the `guarded` policy gives unattended.
pub const GUARDED_ANSWERS_PER_DAY: u32 = 24;
/// The smallest minimum of participants that a policy allows unattended unless told otherwise.
pub const POLICY_MIN_PARTICIPANTS: u32 = 3;
/// Two sets of people that differ by fewer are nearly the same: the difference of two totals is a total over those who are
/// in one set alone. If one person has come or gone, subtracting two totals
/// gives that person's value; if two, each of them can take the other's value out of what is left. From three on no one
/// can, as with [`POLICY_MIN_PARTICIPANTS`].
pub const SIMILAR_BELOW: usize = POLICY_MIN_PARTICIPANTS as usize;
/// Closed lists of forgotten computations that new questions are compared with, the newest ones that count as answers and the
/// newest ones that do not: 64 MB at most.
pub const SETS_COMPARED_MAX: usize = 1_000;
/// Refusals of forgotten computations that the ledger keeps, the newest: as many as it shows. Whoever asks brings them about.
pub const LEDGER_REFUSALS_MAX: usize = 10_000;
/// Ledger entries in one answer of the local API, newest first; with long prompts they fit [`CONTROL_REPLY_BYTES_MAX`].
pub const LEDGER_SHOWN_MAX: usize = 10_000;
/// Announced computations that have not ended and that a node keeps in mind; strangers can announce too.
pub const OPEN_KNOWN_MAX: usize = 1_024;
/// Ids of ended computations that one answer to "what has ended" carries, newest first.
pub const SYNC_ENDED_MAX: usize = 128;
/// Participants that one heavy node sends the certificate to unasked; the others ask for it.
pub const CERTIFICATE_PUSH_MAX: usize = 1_000;
/// Participants of a set whose names are told, kept and compared. Everybody in it gets 71 bytes for everybody in it: so many
/// cost the heavy nodes 71 MB in all, and ten times as many a hundred times that. As many as a closed list may name.
pub const MEMBERS_MAX: usize = 1_000;
/// Names of participants that a node keeps over all computations, the newest ones; 32 MB of memory.
pub const MEMBERS_KEPT_MAX: usize = 500_000;
/// Computations whose participants a node asks for at a time.
pub const MEMBERS_ASKED_MAX: usize = 16;
/// Times that each heavy node is asked for the participants of one computation. Who was left out of the set never gets an
/// answer. A guess: with a question every five seconds, a minute for three heavy nodes.
pub const MEMBERS_ROUNDS_MAX: usize = 4;
/// Similar sets that are noted beside one answer, the nearest ones: to be warned takes one.
pub const SIMILAR_NOTED_MAX: usize = 16;
/// Ids that one answer to "what is open, what has ended" carries.
pub const SYNC_IDS_MAX: usize = 1_024;
/// Requests in flight to one peer, under the 100 streams a connection that the transport allows.
pub const REQUESTS_PER_PEER_MAX: usize = 32;
/// Messages that wait for one peer; more are dropped, and the protocol asks again.
pub const QUEUED_PER_PEER_MAX: usize = 4_096;
/// Connections to one peer, both transports and simultaneous dials included.
pub const CONNECTIONS_PER_PEER_MAX: u32 = 4;
/// Connections in all; each costs about 95 KB and a file handle.
pub const CONNECTIONS_MAX: u32 = 2_048;
/// Nodes that a directory remembers; each costs about 1 KiB. A guess: ten times the largest network measured.
pub const DIRECTORY_MAX: usize = 10_000;
/// Nodes that a heavy node tells a newcomer of at once; gossip tells of the others within a quarter of a minute.
pub const PRESENCES_RELAYED_MAX: usize = 256;
/// Peers that a heavy node tells of a newcomer one by one, beside gossip, which misses those that are not in its mesh
/// yet. A guess: beyond it, hearing of everybody within a quarter of a minute is soon enough.
pub const PRESENCE_TOLD_MAX: usize = 32;
/// Addresses in one presence.
pub const PRESENCE_ADDRESSES_MAX: usize = 16;
/// Characters of one address in a presence.
pub const PRESENCE_ADDRESS_CHARS_MAX: usize = 256;
/// How often a node tells the network that it is there.
pub const PRESENCE_INTERVAL: Duration = Duration::from_secs(15);
/// How long a presence holds: three may be lost before a node is taken for lost.
pub const PRESENCE_LIFETIME: Duration = Duration::from_secs(60);
/// How long a lost node stays in the directory.
pub const LOST_KEPT: Duration = Duration::from_secs(600);
/// Inputs that a node takes before it writes what they changed; while it writes, the next ones gather.
pub const ROUND_INPUTS_MAX: usize = 1_024;
/// Requests that wait for a computation to change or to be announced.
pub const PARKED_MAX: usize = 1_024;
/// How long a proposal waits on a fresh node until enough heavy nodes are there.
pub const DISCOVERY_WAIT: Duration = Duration::from_secs(4);
/// The body of one request to the local API: a closed list of participants fits.
pub const CONTROL_BODY_BYTES_MAX: usize = 64 * 1024;
/// The body of one reply of the local API: every remembered computation fits.
pub const CONTROL_REPLY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long the command line waits for a node's reply; a proposal takes [`ACCEPTANCE_WAIT`] at most.
pub const CONTROL_WAIT: Duration = Duration::from_secs(30);
/// How long a node that leaves waits for requests under way; with the farewell it stays under 5 s.
pub const CONTROL_LEAVE_WAIT: Duration = Duration::from_secs(1);
/// Peers whose addresses a node remembers across restarts; the one unseen for longest goes first.
pub const KNOWN_PEERS_MAX: usize = 1_000;
/// Addresses remembered of one peer.
pub const KNOWN_ADDRESSES_MAX: usize = 16;
/// One log file; then it is rotated.
pub const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Log files of one node, the one being written included.
pub const LOG_FILES_MAX: usize = 3;
/// Connections that are being negotiated, inbound and outbound each.
pub const HALF_OPEN_CONNECTIONS_MAX: u32 = 256;
/// Things that the node asked of the network and that its event loop has not seen yet.
pub const NETWORK_COMMANDS_QUEUED_MAX: usize = 16_384;
/// Things that the network tells and that the node has not taken yet. Beyond it, senders are told "busy".
pub const NETWORK_EVENTS_QUEUED_MAX: usize = 1_024;
/// Things that the network must tell for certain (who came and went) while the node takes nothing. Beyond it the
/// network stands still until the node does.
pub const NETWORK_EVENTS_HELD_MAX: usize = 256;
/// Peers whose addresses are remembered while the node runs.
pub const PEERS_REMEMBERED_MAX: usize = 4_096;
/// Addresses remembered of one peer: two transports on a handful of interfaces.
pub const ADDRESSES_PER_PEER_MAX: usize = 16;
/// Light nodes that a light node stays connected to without a reason. Heavy nodes carry the gossip.
pub const LIGHT_NEIGHBOURS_MAX: usize = 8;
/// Messages above 64 KiB that are read at the same time, and that may wait for the node; they bound the memory that
/// others can make it use.
pub const LARGE_FRAMES_MAX: usize = 16;
/// Gossip that is being decoded, signatures and all, at the same time; more is not forwarded.
pub const GOSSIP_DECODING_MAX: usize = 64;
/// Gossip that waits for a first subscriber.
pub const GOSSIP_WAITING_MAX: usize = 256;
/// Frames of one peer that are refused before it is disconnected for a while.
pub const OFFENCES_MAX: u32 = 3;
/// Peers whose refused frames are counted.
pub const OFFENDERS_MAX: usize = 1_024;
/// Times that a message is offered again to a peer that says "busy".
pub const BUSY_OFFERS_MAX: u32 = 8;
/// Bytes of one literal private value: what one `--data -` may say in all. A vector of a few thousand numbers fits.
pub const LITERAL_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one record of a source: a quote that is never closed must not pull a whole file into memory.
pub const SOURCE_RECORD_BYTES_MAX: u64 = 1024 * 1024;
/// How long a source may be read, its command included: a million rows take a few seconds, and a deadline is usually not
/// much further away.
pub const SOURCE_READ_WAIT: Duration = Duration::from_secs(60);
/// Sources that are read at the same time; the next question waits for its turn. Each may be a file that fills a disk's time.
pub const READINGS_AT_ONCE: usize = 4;
/// Sources that one node may declare. A guess: nobody has written down as many by hand.
pub const SOURCES_MAX: usize = 64;
/// How long a source's command may run unless its owner says otherwise.
pub const COMMAND_WAIT_DEFAULT: Duration = Duration::from_secs(30);
/// Different texts in a column that `formix-p2p data` takes for categories; with more of them it says "text".
pub const CATEGORIES_GUESSED_MAX: usize = 50;
