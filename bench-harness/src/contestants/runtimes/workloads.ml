(* Workloads in OCaml. What they are is in src/workloads; the numbers come as arguments. *)

(* Integers of OCaml have 63 bits: what needs 64 is an int64, which the compiler keeps in a register where it can. *)
let ( *: ) = Int64.mul
let ( +: ) = Int64.add
let ( ^: ) = Int64.logxor
let ( >>: ) = Int64.shift_right_logical

let golden = 0x9E3779B97F4A7C15L
let checksum = ref 0xCBF29CE484222325L

let mix value =
  let product = (!checksum ^: value) *: golden in
  checksum := product ^: (product >>: 32)

let mix_int value = mix (Int64.of_int value)

type random = { mutable state : int64 }

let scramble z =
  let z = (z ^: (z >>: 30)) *: 0xBF58476D1CE4E5B9L in
  let z = (z ^: (z >>: 27)) *: 0x94D049BB133111EBL in
  z ^: (z >>: 31)

let bits random =
  random.state <- random.state +: golden;
  scramble random.state

(* Bounds are below 2^30, so that the product fits. *)
let scale bits bound = (bits * bound) lsr 32
let upper bits = Int64.to_int (bits >>: 32)
let lower bits = Int64.to_int (Int64.logand bits 0xFFFFFFFFL)
let below random bound = scale (upper (bits random)) bound

type tree = Leaf | Tree of { left : tree; right : tree }

(* A leaf is an object as well: it has two empty fields. *)
let rec tree depth =
  if depth = 0 then Tree { left = Sys.opaque_identity Leaf; right = Leaf }
  else
    let left = tree (depth - 1) in
    Tree { left; right = tree (depth - 1) }

let rec nodes = function
  | Leaf -> 0
  | Tree { left = Leaf; _ } -> 1
  | Tree { left; right } -> 1 + nodes left + nodes right

let binary_trees depth =
  mix_int (nodes (tree (depth + 1)));
  let kept = tree depth in
  let at = ref 4 in
  while !at <= depth do
    let trees = 1 lsl (depth - !at + 4) in
    let found = ref 0 in
    for _ = 1 to trees do
      found := !found + nodes (tree !at)
    done;
    mix_int !at;
    mix_int trees;
    mix_int !found;
    at := !at + 2
  done;
  mix_int (nodes (Sys.opaque_identity kept))

type node = Nothing | Node of { mutable left : node; mutable right : node; i : int; j : int }

let rec populate parent depth number =
  match parent with
  | Node fields when depth > 0 ->
      fields.left <- Node { left = Nothing; right = Nothing; i = depth - 1; j = number };
      fields.right <- Node { left = Nothing; right = Nothing; i = depth - 1; j = number };
      populate fields.left (depth - 1) number;
      populate fields.right (depth - 1) number
  | _ -> ()

let top_down depth number =
  let root = Node { left = Nothing; right = Nothing; i = depth; j = number } in
  populate root depth number;
  root

let rec bottom_up depth number =
  if depth = 0 then Node { left = Nothing; right = Nothing; i = 0; j = number }
  else
    let left = bottom_up (depth - 1) number in
    Node { left; right = bottom_up (depth - 1) number; i = depth; j = number }

let path root number =
  let rec follow node digest =
    match node with
    | Nothing -> digest
    | Node { left; right; i; j } ->
        let digest = (digest *: 31L) +: Int64.of_int (i + (j lsl 8)) in
        follow (if i > 0 && (number lsr (i - 1)) land 1 = 1 then right else left) digest
  in
  follow root 0L

let rec heights = function
  | Nothing -> 0
  | Node { left; right; i; _ } -> i + 1 + heights left + heights right

let gcbench stretch long_lived length deepest =
  mix (path (bottom_up stretch 0) 0);
  let kept = top_down long_lived 0 in
  let numbers = Array.make length 0.0 in
  for k = 0 to (length / 2) - 1 do
    numbers.(k) <- 1.0 /. float_of_int k
  done;
  let depth = ref 4 in
  while !depth <= deepest do
    let trees = 2 * ((2 lsl stretch) - 1) / ((2 lsl !depth) - 1) in
    List.iter
      (fun make ->
        let found = ref 0L in
        for number = 0 to trees - 1 do
          found := !found +: path (make !depth number) number
        done;
        mix !found)
      [ top_down; bottom_up ];
    depth := !depth + 2
  done;
  mix_int (heights kept);
  mix (Array.fold_left (fun sum number -> sum +: Int64.bits_of_float number) 0L numbers)

type link = End | Link of { value : int; next : link }

let linked first length =
  let head = ref End in
  for value = first to first + length - 1 do
    head := Link { value; next = !head }
  done;
  !head

(* Sums stay below 2^62. *)
let rec total head most found =
  match head with
  | Link { value; next } when most <> 0 -> total next (most - 1) (found + value)
  | _ -> found

let list_churn lists length replacements =
  let heads = Array.make lists End in
  let random = { state = 3L } in
  for number = 0 to lists + replacements - 1 do
    let slot = if number < lists then number else below random lists in
    let old = match heads.(slot) with End -> None | Link { value; _ } -> Some value in
    heads.(slot) <- linked (number * length) length;
    Option.iter mix_int old
  done;
  Array.iter (fun head -> mix_int (total head (-1) 0)) heads

type ring = { value : int; mutable next : ring; mutable prev : ring }

let ring number =
  let rec first = { value = number * 10; next = first; prev = first } in
  let last = ref first in
  for value = (number * 10) + 1 to (number * 10) + 9 do
    let node = { value; next = first; prev = !last } in
    !last.next <- node;
    last := node
  done;
  first.prev <- !last;
  first

let rings count =
  let kept = ref [] in
  for batch = 0 to (count / 100) - 1 do
    let found = ref 0 in
    for number = batch * 100 to (batch * 100) + 99 do
      let first = ring number in
      found := !found + first.prev.value;
      if number mod 100 = 0 then kept := first :: !kept
    done;
    mix_int !found
  done;
  let round first following =
    let rec go node digest =
      let digest = (digest *: 31L) +: Int64.of_int node.value in
      let next = following node in
      if next == first then digest else go next digest
    in
    mix (go first 0L)
  in
  List.iter
    (fun first ->
      round first (fun node -> node.next);
      round first (fun node -> node.prev))
    (List.rev !kept)

type vertex = None_ | Vertex of { id : int; mutable a : vertex; mutable b : vertex; mutable c : vertex; mutable d : vertex }

let vertex id = Vertex { id; a = None_; b = None_; c = None_; d = None_ }

let set from edge target =
  match from with
  | None_ -> assert false
  | Vertex v -> ( match edge with 0 -> v.a <- target | 1 -> v.b <- target | 2 -> v.c <- target | _ -> v.d <- target)

let mix_id = function None_ -> assert false | Vertex { id; _ } -> mix_int id

let graph_mutate count rewrites =
  let random = { state = 5L } in
  let vertices = Array.init count vertex in
  Array.iter
    (fun at ->
      for edge = 0 to 3 do
        set at edge vertices.(below random count)
      done)
    vertices;
  let fresh = ref count in
  for _ = 1 to rewrites do
    let draw = bits random in
    let source = scale (lower draw) count and target = scale (upper draw) count in
    let choice = lower draw in
    (if (choice lsr 2) land 3 = 0 then
     match vertices.(target) with
     | None_ -> assert false
     | Vertex v ->
         vertices.(target) <- Vertex { id = !fresh; a = v.a; b = v.b; c = v.c; d = v.d };
         v.a <- None_;
         v.b <- None_;
         v.c <- None_;
         v.d <- None_;
         incr fresh);
    set vertices.(source) (choice land 3) vertices.(target)
  done;
  Array.iter
    (function
      | None_ -> assert false
      | Vertex { id; a; b; c; d } ->
          mix_int id;
          List.iter mix_id [ a; b; c; d ])
    vertices

let deep_list length =
  let head = ref (linked 0 length) in
  mix_int (total !head (-1) 0);
  Gc.full_major ();
  mix_int (total !head 1000 0);
  head := End;
  Gc.full_major ()

type message = No_message | Message of { number : int; payload : int array }

let queue capacity messages =
  let ring = Array.make capacity No_message in
  for batch = 0 to (messages / 1000) - 1 do
    let found = ref 0 in
    for number = batch * 1000 to (batch * 1000) + 999 do
      let payload = Array.make 8 0 in
      for word = 0 to 7 do
        payload.(word) <- number * (word + 1)
      done;
      let message = Message { number; payload } in
      let place = number mod capacity in
      (match ring.(place) with
      | No_message -> ()
      | Message { number; payload } -> found := Array.fold_left ( + ) (!found + number) payload);
      ring.(place) <- message
    done;
    mix_int !found
  done

let log_uniform bits least octaves =
  let base = least lsl (((lower bits land 0xff) * octaves) lsr 8) in
  base + scale (lower (bits >>: 8)) base

let digest slice =
  let length = Bytes.length slice in
  length + (Bytes.get_uint8 slice 0 lsl 16) + (Bytes.get_uint8 slice (length - 1) lsl 24)

let slice length byte = Bytes.make length (Char.chr (byte land 0xff))

(* Where there is no slice yet. *)
let nothing = Bytes.empty
let digest_if_any slice = if slice == nothing then 0 else digest slice

let size_mix slots replacements =
  let table = Array.make slots nothing in
  let random = { state = 11L } in
  for _ = 1 to replacements / 100 do
    let found = ref 0 in
    for _ = 1 to 100 do
      let slot = below random slots in
      let draw = bits random in
      let slice = slice (log_uniform draw 16 8) (Int64.to_int (draw >>: 56)) in
      found := !found + digest_if_any table.(slot);
      table.(slot) <- slice
    done;
    mix_int !found
  done;
  Array.iter (fun slice -> mix_int (digest_if_any slice)) table

type quad = No_quad | Quad of { a : quad; b : quad; c : quad; d : quad }

let rec quad depth =
  if depth = 0 then Quad { a = Sys.opaque_identity No_quad; b = No_quad; c = No_quad; d = No_quad }
  else
    let a = quad (depth - 1) in
    let b = quad (depth - 1) in
    let c = quad (depth - 1) in
    Quad { a; b; c; d = quad (depth - 1) }

let rec count = function No_quad -> 0 | Quad { a; b; c; d } -> 1 + count a + count b + count c + count d

let quads depth trees =
  let kept = quad depth in
  for _ = 1 to 20 do
    for _ = 1 to trees do
      ignore (Sys.opaque_identity (quad 3))
    done;
    mix_int (count kept)
  done

type entry =
  | No_entry
  | Entry of { key : int; value : Bytes.t; mutable chain : entry; mutable newer : entry; mutable older : entry }

type cache = { chains : entry array; mutable newest : entry; mutable oldest : entry }

let bucket cache key = Int64.to_int ((Int64.of_int key *: golden) >>: 40) land (Array.length cache.chains - 1)

let rec along chain key =
  match chain with Entry { key = other; chain; _ } when other <> key -> along chain key | found -> found

let find cache key = along cache.chains.(bucket cache key) key

let push cache = function
  | No_entry -> ()
  | Entry fields as entry ->
      fields.newer <- No_entry;
      fields.older <- cache.newest;
      (match cache.newest with Entry newest -> newest.newer <- entry | No_entry -> cache.oldest <- entry);
      cache.newest <- entry

let unlink cache = function
  | No_entry -> ()
  | Entry { newer; older; _ } ->
      (match newer with Entry newer -> newer.older <- older | No_entry -> cache.newest <- older);
      (match older with Entry older -> older.newer <- newer | No_entry -> cache.oldest <- newer)

let insert cache key =
  let value = slice (log_uniform (scramble (Int64.of_int key +: golden)) 16 10) (key lsr 3) in
  let bucket = bucket cache key in
  let entry = Entry { key; value; chain = cache.chains.(bucket); newer = No_entry; older = No_entry } in
  cache.chains.(bucket) <- entry;
  push cache entry;
  entry

let rec unchain before entry after =
  match before with
  | Entry fields when fields.chain == entry -> fields.chain <- after
  | Entry { chain; _ } -> unchain chain entry after
  | No_entry -> assert false

let evict cache =
  match cache.oldest with
  | No_entry -> ()
  | Entry { key; chain; _ } as entry ->
      unlink cache entry;
      let bucket = bucket cache key in
      if cache.chains.(bucket) == entry then cache.chains.(bucket) <- chain
      else unchain cache.chains.(bucket) entry chain

let lru_cache capacity accesses buckets =
  let cache = { chains = Array.make buckets No_entry; newest = No_entry; oldest = No_entry } in
  let random = { state = 17L } in
  let entries = ref 0 in
  for _ = 1 to accesses / 10 do
    let found = ref 0 and misses = ref 0 in
    for _ = 1 to 10 do
      let bound = below random (capacity * 8) + 1 in
      let bound = below random bound + 1 in
      let key = below random bound in
      let entry =
        match find cache key with
        | No_entry ->
            let entry = insert cache key in
            incr misses;
            incr entries;
            if !entries > capacity then (
              evict cache;
              decr entries);
            entry
        | Entry { newer; _ } as entry ->
            if newer != No_entry then (
              unlink cache entry;
              push cache entry);
            entry
      in
      match entry with Entry { value; _ } -> found := !found + digest value | No_entry -> assert false
    done;
    mix_int !found;
    mix_int !misses
  done;
  let rec from = function
    | No_entry -> ()
    | Entry { key; older; _ } ->
        mix_int key;
        from older
  in
  from cache.newest

type row = { id : int; body : int array }

let row id =
  let body = Array.make 12 id in
  for word = 1 to 11 do
    body.(word) <- id + word
  done;
  { id; body }

(* When each request ended, in nanoseconds, where there are any. *)
let ends = ref [||]

let event_loop records requests =
  let table = Array.init records row in
  let random = { state = 0L } in
  ends := Array.make requests 0;
  let begun = Unix.gettimeofday () in
  for request = 0 to requests - 1 do
    random.state <- Int64.of_int request;
    let head = ref End in
    for _ = 1 to 8 do
      let { id; body } = table.(below random records) in
      for note = 0 to 7 do
        head := Link { value = id + body.(note); next = !head }
      done
    done;
    table.(below random records) <- row (records + request);
    mix_int (total !head (-1) 0);
    !ends.(request) <- int_of_float ((Unix.gettimeofday () -. begun) *. 1e9)
  done

type trie = No_trie | Trie of { left : trie; right : trie; value : int }

let rec trie depth =
  if depth = 0 then Trie { left = Sys.opaque_identity No_trie; right = No_trie; value = 0 }
  else
    let left = trie (depth - 1) in
    Trie { left; right = trie (depth - 1); value = 0 }

(* Adds the value that was there to [replaced]. *)
let rec updated node depth key value replaced =
  match node with
  | No_trie -> assert false
  | Trie { value = old; _ } when depth = 0 ->
      replaced := !replaced + old;
      Trie { left = No_trie; right = No_trie; value }
  | Trie { left; right; _ } when key land 1 = 0 ->
      Trie { left = updated left (depth - 1) (key lsr 1) value replaced; right; value = 0 }
  | Trie { left; right; _ } -> Trie { left; right = updated right (depth - 1) (key lsr 1) value replaced; value = 0 }

(* The sum of value times position, from left to right: below 2^62. *)
let sum node =
  let position = ref 0 in
  let rec below = function
    | No_trie -> 0
    | Trie { left = No_trie; value; _ } ->
        incr position;
        value * !position
    | Trie { left; right; _ } ->
        let sum = below left in
        sum + below right
  in
  below node

let functional_map depth updates =
  let ring = Array.make 8 No_trie in
  ring.(0) <- trie depth;
  let random = { state = 31L } in
  for batch = 0 to (updates / 10) - 1 do
    let version = ref ring.(batch mod 8) and replaced = ref 0 in
    for value = batch * 10 to (batch * 10) + 9 do
      version := updated !version depth (below random (1 lsl depth)) value replaced
    done;
    ring.((batch + 1) mod 8) <- !version;
    mix_int !replaced
  done;
  mix_int (sum ring.(updates / 10 mod 8))

let run name numbers =
  match (name, numbers) with
  | "binary_trees", [ depth ] -> binary_trees depth
  | "gcbench", [ stretch; long_lived; length; deepest ] -> gcbench stretch long_lived length deepest
  | "list_churn", [ lists; length; replacements ] -> list_churn lists length replacements
  | "rings", [ count ] -> rings count
  | "graph_mutate", [ count; rewrites ] -> graph_mutate count rewrites
  | "deep_list", [ length ] -> deep_list length
  | "queue", [ capacity; messages ] -> queue capacity messages
  | "size_mix", [ slots; replacements ] -> size_mix slots replacements
  | "quads", [ depth; trees ] -> quads depth trees
  | "lru_cache", [ capacity; accesses; buckets ] -> lru_cache capacity accesses buckets
  | "event_loop", [ records; requests ] -> event_loop records requests
  | "functional_map", [ depth; updates ] -> functional_map depth updates
  | _ -> invalid_arg name

let peak () =
  try
    let status = open_in "/proc/self/status" in
    let rec look () =
      let line = input_line status in
      try Scanf.sscanf line "VmHWM: %d kB" (fun kilobytes -> Printf.sprintf ", \"peak_rss_bytes\": %d" (kilobytes * 1024))
      with Scanf.Scan_failure _ | End_of_file | Failure _ -> look ()
    in
    look ()
  with Sys_error _ | End_of_file -> ""

let () =
  let arguments = List.tl (Array.to_list Sys.argv) in
  let wall = Unix.gettimeofday () and cpu = Sys.time () in
  run (List.hd arguments) (List.map int_of_string (List.tl arguments));
  let cpu = Sys.time () -. cpu and wall = Unix.gettimeofday () -. wall in
  Printf.printf "{\"status\": \"ok\", \"checksum\": \"%016Lx\", \"wall_ns\": %.0f, \"cpu_ns\": %.0f%s}\n" !checksum (wall *. 1e9)
    (cpu *. 1e9) (peak ());
  if Array.length !ends > 0 then (
    let file = open_out "ends" in
    Array.iter (Printf.fprintf file "%d\n") !ends;
    close_out file)
