// What a JavaScript program does with the SDK; prints one JSON object.
// Arguments: the gateway's ws:// address, the model, the SDK's options as JSON.

const { LMStudioClient } = require("@lmstudio/sdk");

const [, , baseUrl, modelName, options] = process.argv;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

async function errorOf(promise) {
  try {
    await promise;
    return "";
  } catch (error) {
    return error.message;
  }
}

async function main() {
  const client = new LMStudioClient({ baseUrl, logger: quiet, ...JSON.parse(options) });
  const model = await client.llm.model(modelName);
  const pieces = [];
  const prediction = model.respond("What is a token?");
  for await (const { content } of prediction) pieces.push(content);
  const { stats } = await prediction.result();
  const embedder = await client.embedding.model("text-embedding-tiny");
  const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`);
  return {
    identifier: model.identifier,
    pieces,
    predicted: stats.predictedTokensCount,
    vectors: (await embedder.embed(texts)).length,
    downloaded: (await client.system.listDownloadedModels()).map(({ modelKey }) => modelKey),
    loading: await errorOf(client.llm.load("acme/coder")),
    configured: await errorOf(client.llm.model(modelName, { config: { contextLength: 77 } })),
    nobody: await errorOf(client.llm.createDynamicHandle("nobody").respond("x")),
  };
}

main().then(
  result => process.stdout.write(JSON.stringify(result), () => process.exit(0)),
  error => process.stdout.write(JSON.stringify({ error: error.message }), () => process.exit(1)),
);
