(* The classic workloads in OCaml. What they are is in src/workloads; the numbers come as arguments. *)

(* Integers of OCaml have 63 bits: what needs 64 is an int64, which the compiler keeps in a register where it can. *)
let ( *: ) = Int64.mul
let ( +: ) = Int64.add
let ( ^: ) = Int64.logxor
let ( >>: ) = Int64.shift_right_logical

let checksum = ref 0xCBF29CE484222325L

let mix value =
  let product = (!checksum ^: value) *: 0x9E3779B97F4A7C15L in
  checksum := product ^: (product >>: 32)

let mix_int value = mix (Int64.of_int value)

type random = { mutable state : int64 }

let bits random =
  random.state <- random.state +: 0x9E3779B97F4A7C15L;
  let z = random.state in
  let z = (z ^: (z >>: 30)) *: 0xBF58476D1CE4E5B9L in
  let z = (z ^: (z >>: 27)) *: 0x94D049BB133111EBL in
  z ^: (z >>: 31)

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

let run name numbers =
  match (name, numbers) with
  | "binary_trees", [ depth ] -> binary_trees depth
  | "gcbench", [ stretch; long_lived; length; deepest ] -> gcbench stretch long_lived length deepest
  | "list_churn", [ lists; length; replacements ] -> list_churn lists length replacements
  | "rings", [ count ] -> rings count
  | "graph_mutate", [ count; rewrites ] -> graph_mutate count rewrites
  | "deep_list", [ length ] -> deep_list length
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
    (cpu *. 1e9) (peak ())
