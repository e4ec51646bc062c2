//! Every limit in one place: its name, its number, and where the number comes from.

use std::time::Duration;

/// How often something may happen: so many at once, and so many a second after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once, after a while of silence.
    pub burst: u32,
    /// How many are given back in a second.
    pub each_second: u32,
}

/// One message over request-response. A report of 8 MiB fits; a list is told leaf by leaf.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of all partial sums of one computation, so that a certificate fits a message: beside them it has the question of at most 64 KiB, and of
/// each heavy node less than 4 KiB.
pub const PARTIAL_SUMS_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 256 * 1024;
/// Characters of an error about a stranger's bytes, which may quote them: a line of a log.
pub const MALFORMED_CHARS_MAX: usize = 160;
/// One gossip message. Gossipsub drops what comes within a KiB of its frame limit, so the frame is larger.
pub const GOSSIP_BYTES_MAX: usize = 64 * 1024;
/// Open computations that a heavy node carries.
pub const OPEN_PER_HEAVY_MAX: usize = 256;
/// Open computations that a heavy node carries for one proposer; also what a proposer may have open.
pub const OPEN_PER_PROPOSER_MAX: usize = 128;
/// Ended computations that a node keeps in memory, in full: twice as many as an offer names ([`SYNC_ENDED_MAX`]), so that whoever
/// reads one finds what it names. Each costs about 10 KiB; with a long vector, six times the bytes of a partial sum, and a little more.
pub const ENDED_KEPT_MAX: usize = 2 * SYNC_ENDED_MAX;
/// Ended computations that a node remembers though it had no part in them, by the same reckoning.
pub const FOREIGN_KEPT_MAX: usize = ENDED_KEPT_MAX;
/// Bytes of the certificates among them: those that the node asked, answered or added up; older ones are read from the store. Eight of
/// the largest.
pub const ENDED_BYTES_MAX: usize = 8 * MESSAGE_BYTES_MAX;
/// The same of those that it did not answer, and of those that do not concern it: anybody can bring them about, and as many.
pub const FOREIGN_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// Those that are not kept because they are too large, and so not fetched again: more than all heavy nodes offer at a time.
pub const DROPPED_KEPT_MAX: usize = 16 * SYNC_ENDED_MAX;
/// Older computations of which the store keeps the certificate, or why they failed. A guess: months of use; with three heavy nodes and
/// short questions 30 MB. In memory each is an id and a time.
pub const PRUNED_KEPT_MAX: usize = 10_000;
/// Bytes of certificate and summary from which on it is a large one. With three heavy nodes and a short question it has 3 KB.
pub const LARGE_CERTIFICATE_BYTES: u64 = 64 * 1024;
/// Bytes of all large ones together; the oldest go. Whoever asks for long vectors pushes out no short answer, and a disk holds this
/// and less than 640 MiB of others, twice as much where pages are half full.
pub const LARGE_CERTIFICATES_BYTES_MAX: u64 = 1 << 30;
/// Reports that one computation may take: they are on a heavy node's disk; in its memory it has 64 bytes of each, and a tree.
pub const REPORTS_PER_COMPUTATION_MAX: u32 = 1_000_000;
/// Bytes that a heavy node holds of one computation: shares, manifests, and room for the receipts that their senders may hand
/// over, all of which is on its disk, where it takes up to three times as much. A share that is stored as a seed counts as what it
/// unfolds to, because that is worked through in one go when the set is added up; nothing is lost by it, since one of the heavy
/// nodes holds it in full. A million reports with shares of 1 KiB fit where there
/// are three heavy nodes, or 500 of the largest.
pub const HELD_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes that a heavy node holds of all computations, counted in the same way. A guess: what a small disk has to spare.
pub const HELD_BYTES_IN_ALL_MAX: u64 = 2 * HELD_BYTES_MAX;
/// What a held report counts for beside manifest and share: keys, signature, blind, seal, and the receipts' row.
pub const HELD_ROW_BYTES: u64 = 256;
/// What one receipt counts for: 210 bytes as it is stored.
pub const RECEIPT_BYTES: u64 = 224;
/// Reports that a heavy node holds for announcements that it awaits: the first ten of a hundred computations at once.
pub const EARLY_REPORTS_MAX: usize = 1_024;
/// Reports of one sender among them: one for each computation that one proposer may have open.
pub const EARLY_REPORTS_PER_SENDER_MAX: usize = OPEN_PER_PROPOSER_MAX;
/// Bytes of them: two of the largest. A guess: what is dropped comes again.
pub const EARLY_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// Reports that a computation takes unless its proposer says otherwise.
pub const REPORTS_PER_COMPUTATION_DEFAULT: u32 = 10_000;
/// Pairs of conflicting reports that one list may carry as evidence: with them a list's outline still fits a message.
pub const EXCLUSIONS_MAX: usize = 256;
/// Reports of one leaf of a list: in a list of a million, the digests of all leaves come to 300 KB, and one report that is lacking
/// somewhere to one leaf of 19 KB.
pub const LEAF_ENTRIES_MAX: usize = 256;
/// Leaves of one list. A million reports make about 6000; whoever makes keys that begin alike can make them more.
pub const LEAVES_MAX: usize = 65_536;
/// Leaves whose reports are told at once: 1.2 MB at most.
pub const LEAVES_AT_ONCE: usize = 64;
/// Bytes of held reports, as what they unfold to, that are read back and verified or added up in one slice. A report of a long vector
/// takes about 10 ms a MiB to verify on one processor: no longer than [`SLICE_REPORTS_MAX`] short ones.
pub const SLICE_BYTES: usize = 1024 * 1024;
/// Reports of one slice. One of 31 bits takes some 25 us to verify on one processor, and a little to read back and add up: 512 take 7 to
/// 15 ms on two, which leaves each enough to do.
pub const SLICE_REPORTS_MAX: usize = 512;
/// How long a node computes in one round before it takes what has come meanwhile; the slice that has begun is finished. Short
/// slices fit many times: those of verdicts, those of small questions.
pub const WORK_AT_ONCE: Duration = Duration::from_millis(10);
/// Heavy nodes of one computation, at least: with fewer, one dishonest pair reads everything.
pub const HEAVY_MIN: usize = 3;
/// Parties of an invitation, at least: of two, each learns what the other put in.
pub const PARTIES_MIN: u32 = 2;
/// Open invitations of a node, its own and others': as many as a proposer may have open.
pub const INVITATIONS_OPEN_MAX: usize = OPEN_PER_PROPOSER_MAX;
/// Invitations that a node remembers when they are over. A guess, as that of ended computations.
pub const INVITATIONS_KEPT_MAX: usize = 1_000;
/// Marks of forgotten computations that are kept: as many as computations that this node had a part in.
pub const FORGOTTEN_KEPT_MAX: usize = PRUNED_KEPT_MAX;
/// Characters of a ticket: room for the longest prompt, 8 KiB of categories and 16 addresses. Twice as much still fits the
/// body of a request to the local API.
pub const TICKET_CHARS_MAX: usize = 30 * 1024;
/// How long tickets admit unless the inviter says otherwise.
pub const TICKETS_DEFAULT: Duration = Duration::from_secs(3600);
/// Heavy nodes of one computation, at most: agreement sends the square of this many messages.
pub const HEAVY_MAX: usize = 16;
/// Verifier shares sent at once, in bytes: a message may carry eight times as much.
pub const VERIFIER_BATCH_BYTES: usize = 1024 * 1024;
/// Batches of verifier shares of one heavy node: a million verifier shares of 1 KiB each fit, or 50 000 of the longest. Each costs a
/// digest of 32 bytes. A question that allows more participants is refused.
pub const VERIFIER_BATCHES_MAX: usize = 1_024;
/// Characters of a prompt.
pub const PROMPT_CHARS_MAX: usize = 500;
/// Characters of a field's name.
pub const FIELD_NAME_CHARS_MAX: usize = 64;
/// Fields of one question: a regression over more needs more records than people have, and squares of them slots.
pub const FIELDS_MAX: usize = 32;
/// Categories of one field: what a table can show, and what fits an announcement.
pub const CATEGORIES_MAX: usize = 1_000;
/// Numbers behind a result that a line of the log, or a list of all questions, shows in full: as many as one field may have categories. A list
/// of remembered questions then fits [`CONTROL_REPLY_BYTES_MAX`].
pub const SLOTS_LISTED_MAX: usize = CATEGORIES_MAX;
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
/// How long after the certificates the names of a set, and the hint for others, are told: this long for each participant. Two hundred
/// nodes on two processors take about so long for a certificate each.
pub const TOLD_LATER_EACH: Duration = Duration::from_millis(2);
/// And never later than this.
pub const TOLD_LATER_MAX: Duration = Duration::from_secs(2);
/// Answers about one field in a day that the `guarded` policy gives unattended.
pub const GUARDED_ANSWERS_PER_DAY: u32 = 24;
/// The smallest minimum of participants that a policy allows unattended unless told otherwise.
pub const POLICY_MIN_PARTICIPANTS: u32 = 3;
/// Two sets of people that differ by fewer are nearly the same: the difference of two totals is a total over those who are
/// in one set alone. If one person has come or gone, subtracting two totals
/// gives that person's value; if two, each of them can take the other's value out of what is left. From three on no one
/// can, as with [`POLICY_MIN_PARTICIPANTS`].
pub const SIMILAR_BELOW: usize = POLICY_MIN_PARTICIPANTS as usize;
/// Closed lists of forgotten computations that new questions are compared with: the newest ones that count as answers, and as many
/// that do not. As many as ended computations that the store keeps; each costs some 100 bytes, and its names once for all lists that are equal.
pub const SETS_COMPARED_MAX: usize = PRUNED_KEPT_MAX;
/// Names on those lists, of either kind: a thousand of the longest lists, 32 MB.
pub const SETS_NAMES_MAX: usize = 1_000 * CLOSED_LIST_MAX;
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
/// Names of participants that a node keeps over all computations, the newest ones, also those of pruned answers, with whose sets new
/// ones are compared; 13 MB of memory. Fewer than the largest sets of all computations in memory have, or it would be no limit.
pub const MEMBERS_KEPT_MAX: usize = 200_000;
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
/// Messages that one request may carry, where all of them together are small.
pub const MESSAGES_PER_REQUEST_MAX: usize = 16;
/// Bytes of a request that is read and decoded at once; a larger one carries a single message, waits for its turn, and is decoded
/// on a thread of its own: a list of a hundred thousand entries takes seconds.
pub const SMALL_REQUEST_BYTES: usize = 64 * 1024;
/// Messages that wait for one peer; more are dropped, and the protocol asks again.
pub const QUEUED_PER_PEER_MAX: usize = 4_096;
/// Shares whose senders wait for the receipt in the answer to their request: as many as wait for the node and twice the next round.
pub const REPLIES_AWAITED_MAX: usize = 4_096;
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
/// Presences of others that a node tells newcomers, and newcomers' that it tells others: 64 newcomers at once hear of 256 nodes
/// each. Later ones hear of the heavy nodes, and of the rest by gossip. A guess: 2000 a second are a tenth of what a node can send.
pub const INTRODUCTIONS: Rate = Rate { burst: 16_384, each_second: 2_000 };
/// Addresses in one presence.
pub const PRESENCE_ADDRESSES_MAX: usize = 16;
/// Characters of one address in a presence.
pub const PRESENCE_ADDRESS_CHARS_MAX: usize = 256;
/// How often a node tells the network that it is there.
pub const PRESENCE_INTERVAL: Duration = Duration::from_secs(15);
/// How long a presence holds: three may be lost before a node is taken for lost.
pub const PRESENCE_LIFETIME: Duration = Duration::from_secs(60);
/// Nodes of which presences are told at the usual pace. Where more are known each speaks less often, and its word holds longer,
/// so that what one node hears does not grow with their number. A guess: a large office.
pub const PRESENCE_CROWD: usize = 32;
/// How many times slower than usual a node speaks at most: every four minutes, and its word holds for sixteen.
pub const PRESENCE_PACE_MAX: u32 = 16;
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
/// The body of a request that carries private values: a hundred thousand records as somebody types them. More belong in a source.
pub const CONTROL_VALUES_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The body of one reply of the local API: every remembered computation fits.
pub const CONTROL_REPLY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a node that shows a ticket waits for its inviter's word before it says that none has come. A guess: two dials over a
/// slow line.
pub const JOIN_WAIT: Duration = Duration::from_secs(5);
/// How long the command line waits for a node's reply; a proposal takes [`ACCEPTANCE_WAIT`] at most.
pub const CONTROL_WAIT: Duration = Duration::from_secs(30);
/// How long a node that leaves waits for requests under way; with the farewell it stays under 5 s.
pub const CONTROL_LEAVE_WAIT: Duration = Duration::from_secs(1);
/// A store from this size on is compacted at the start where more than half of it is free. A guess: less is not worth a second.
pub const STORE_COMPACTED_FROM_BYTES: u64 = 16 * 1024 * 1024;
/// Peers whose addresses a node remembers across restarts; the one unseen for longest goes first.
pub const KNOWN_PEERS_MAX: usize = 1_000;
/// Addresses remembered of one peer.
pub const KNOWN_ADDRESSES_MAX: usize = 16;
/// One log file; then it is rotated.
pub const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Log files of one node, the one being written included.
pub const LOG_FILES_MAX: usize = 3;
/// Connections of strangers, that is, of peers that came by themselves. The other quarter is kept for peers that were asked
/// for or dialled.
pub const STRANGERS_MAX: u32 = CONNECTIONS_MAX / 4 * 3;
/// Connections of strangers from one IP address, or one /64 of IPv6: a thousand nodes behind one router fit.
pub const STRANGERS_PER_ADDRESS_MAX: u32 = 1_024;
/// Connections of one stranger: simultaneous dials over two transports need two.
pub const CONNECTIONS_PER_STRANGER_MAX: u32 = 2;
/// Connections that one address may begin: a thousand nodes behind one router start at once, each with two transports; after
/// that, those that were refused come again within 15 s, so 100 a second let all of them in within half a minute.
pub const ARRIVALS_PER_ADDRESS: Rate = Rate { burst: 2_048, each_second: 100 };
/// Connections from one address that are being negotiated: three quarters of all, so that whoever begins many and never goes
/// on does not keep other addresses out.
pub const HALF_OPEN_PER_ADDRESS_MAX: u32 = HALF_OPEN_CONNECTIONS_MAX / 4 * 3;
/// Addresses of nodes that mDNS keeps before it begins anew: of each machine of a /24 network, on two transports and twice over.
pub const NEARBY_MAX: usize = 1_024;
/// Dials under way to peers that nobody asked for: heavy nodes that were merely heard of, and others. The rest of the half
/// open connections is for peers that were asked for, whatever strangers say where they live.
pub const DIALS_TO_FOUND_MAX: usize = 96;
/// Dials within five seconds to peers of whom this node has only heard, and to whom it has nothing to say: a LAN of 60 nodes is met
/// at once, and whoever invents nodes at the addresses of others makes it knock there a dozen times a second.
pub const DIALS_ON_HEARSAY_MAX: usize = 64;
/// Dials under way to peers for no reason, such as being told of by mDNS.
pub const DIALS_IN_PASSING_MAX: usize = 64;
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
/// Signatures that a node remembers to hold: 32 bytes each, 1 MB in all. A guess: those of some thousand reports.
pub const SIGNATURES_REMEMBERED_MAX: usize = 16_384;
/// Gossip that waits for a first subscriber.
pub const GOSSIP_WAITING_MAX: usize = 256;
/// Events that wait for the node before strangers are held to [`SHARE_OF_STRANGERS`]: a quarter of the queue.
pub const NETWORK_EVENTS_CROWDED: usize = NETWORK_EVENTS_QUEUED_MAX / 4;
/// Events that wait for the node before strangers are told *busy*, whatever they send: the last quarter of the queue is for peers
/// that are known.
pub const NETWORK_EVENTS_OF_STRANGERS_MAX: usize = NETWORK_EVENTS_QUEUED_MAX / 4 * 3;
/// What each stranger may send while the node does not keep up, all kinds together. Thrice what a light node in one computation
/// a second sends (a report, receipts, a word to the proposer, two wants), and a round of it at once.
pub const SHARE_OF_STRANGERS: Rate = Rate { burst: 64, each_second: 20 };
/// Asks of one peer: one in five seconds is honest, and one each time that two nodes meet.
pub const ASKS: Rate = Rate { burst: 32, each_second: 1 };
/// Wants of one peer: an offer names 1280 computations, and in each of 128 open ones a dozen things may be lacking at once.
pub const WANTS: Rate = Rate { burst: 4_096, each_second: 100 };
/// Proposals and announcements of one peer: 128 open proposals, each said six times in four seconds, and 1024 announcements that
/// were asked for.
pub const QUESTIONS: Rate = Rate { burst: 2_048, each_second: 20 };
/// Presences that a known peer tells by message: 257 each time that two nodes meet, 16 meetings at once.
pub const PRESENCES_OF_KNOWN: Rate = Rate { burst: 4_112, each_second: 50 };
/// Presences that a stranger tells by message: itself, and the heavy nodes that it knows; a heavy node that has just come tells of 257.
pub const PRESENCES_OF_STRANGERS: Rate = Rate { burst: 512, each_second: 4 };
/// All other messages of a peer that is known: 128 threshold computations at once have heavy nodes exchange about 60 messages
/// a pair each. A guess for what follows: a node takes a few thousand messages a second in all.
pub const WORK_OF_KNOWN: Rate = Rate { burst: 8_192, each_second: 1_000 };
/// All other messages of a stranger: a light node that answers 100 computations at once sends a few hundred, and a heavy node that
/// has just come half of what a known one sends.
pub const WORK_OF_STRANGERS: Rate = Rate { burst: 4_096, each_second: 100 };
/// Times that a peer says where it listens: once it connects, and whenever an address changes.
pub const IDENTIFICATIONS: Rate = Rate { burst: 32, each_second: 1 };
/// Gossip that one known peer passes on, by topic: a thousand nodes say every 15 s that they are there, and a hundred computations
/// are announced and end at once.
pub const GOSSIP_OF_KNOWN: Rate = Rate { burst: 2_048, each_second: 200 };
/// Gossip that one stranger passes on, by topic: 128 announcements of its own with their ends. A light node passes on what
/// heavy nodes pass on as well, so nothing is lost with the rest.
pub const GOSSIP_OF_STRANGERS: Rate = Rate { burst: 512, each_second: 10 };
/// How many times a quota somebody must send for it to be an offence: an honest node that is told *busy* offers a message at most
/// eight times more, with pauses.
pub const GROSS_EXCESS: u32 = 4;
/// Bytes of large answers of one kind (to anybody, or to heavy nodes) on their way to one peer: two of the largest. Whoever may ask for
/// them need not read them.
pub const ANSWER_BYTES_PER_PEER_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// Bytes of large answers of one kind on their way to all peers. A guess: a quarter of what a node may take in a network under attack.
pub const ANSWER_BYTES_MAX: usize = 16 * MESSAGE_BYTES_MAX;
/// Nodes of a closed network: as many as a node has room to connect to.
pub const ALLOWED_MAX: usize = 4_096;
/// Bytes of a file that names them: a hundred characters of remarks for each, and the signature.
pub const ALLOWED_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Nodes that are kept out of a closed network and told of in one hour. A guess: nobody forgets to list as many.
pub const STRANGERS_TOLD_MAX: usize = 32;
/// Frames of one peer that are refused before it is disconnected for a while.
pub const OFFENCES_MAX: u32 = 3;
/// Peers whose refused frames are counted.
pub const OFFENDERS_MAX: usize = 4_096;
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
