// Bundle src/editor.js into one module, the same bytes on every machine: node build.mjs [OUTPUT]
import { readFile } from "node:fs/promises";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const folder = new URL(".", import.meta.url);
const options = {
  absWorkingDir: fileURLToPath(folder),
  entryPoints: ["src/editor.js"],
  outfile: argv[2] ?? "../book/_static/classroom/editor.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "inline",
  metafile: true,
};

// What of each package is in the bundle; a file that gave nothing has no licence to keep.
const { metafile } = await build({ ...options, write: false });
const [{ inputs }] = Object.values(metafile.outputs);
const used = Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0);
const names = new Set(used.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));

const packagesOf = new Map(); // by the text of their licence
for (const name of [...names].sort()) {
  const read = (file) => readFile(new URL(`node_modules/${name}/${file}`, folder), "utf8");
  const { version, license } = JSON.parse(await read("package.json"));
  const text = (await read("LICENSE")).replaceAll("\r", "").trim();
  packagesOf.set(text, [...(packagesOf.get(text) ?? []), `${name} ${version}, ${license}`]);
}
const licences = [...packagesOf].map(([text, packages]) => `${packages.join("\n")}\n\n${text}`);
const banner = ["Written by `make editor` from editor/. It holds these packages:", ...licences].join("\n\n");
await build({ ...options, banner: { js: `/*!\n${banner}\n*/` } });
