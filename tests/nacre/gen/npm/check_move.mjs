// node check_move.mjs FILE.move: parses with the grammar of the prettier plugin for Move, and prints the structs as
// JSON: [[name, [abilities], [[field, type]]]]. Exit code 1 when the grammar does not accept the file.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import Parser from "web-tree-sitter";

const plugin = createRequire(import.meta.url).resolve("@mysten/prettier-plugin-move/package.json");
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Parser.Language.load(path.join(path.dirname(plugin), "tree-sitter-move.wasm")));
const tree = parser.parse(fs.readFileSync(process.argv[2], "utf8"));

function firstError(node) {
  if (node.type === "ERROR" || node.isMissing()) return node;
  for (const child of node.children) {
    const found = firstError(child);
    if (found) return found;
  }
  return null;
}

const error = firstError(tree.rootNode);
if (error) {
  console.error(`line ${error.startPosition.row + 1}: ${error.isMissing() ? "missing " : ""}${error.type}: ${error.text.slice(0, 60)}`);
  process.exit(1);
}
const structs = tree.rootNode.descendantsOfType("struct_definition").map((node) => [
  node.descendantsOfType("struct_identifier")[0].text,
  node.descendantsOfType("ability").map((a) => a.text),
  node.descendantsOfType("field_annotation").map((f) => f.namedChildren.filter((c) => !c.type.includes("comment"))
    .map((c) => c.text)),
]);
console.log(JSON.stringify(structs));
