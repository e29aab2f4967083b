import ArgumentParser
import Datasets
import Foundation

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "List and check data sets.",
    discussion: """
      Examples:
        milenas-lab data list
        milenas-lab data check fashion-mini
      """,
    subcommands: [ListCommand.self, CheckCommand.self], defaultSubcommand: ListCommand.self)
}

private struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Print the data sets, and where they are looked for.",
    discussion: """
      Example:
        milenas-lab data list --format json
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    try output.render(
      Table(
        columns: ["name", "images", "folder"],
        rows: (Dataset.names + [ImageFolder.name]).map {
          [.text($0), .text(Dataset.summary(of: $0)), .init(Dataset.usualFolder(of: $0))]
        }))
  }
}

private struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read a data set, check every file, print its SHA-256.",
    discussion: """
      Example:
        milenas-lab data check cifar10 --data-dir cifar-10-batches-bin
      """)

  @Argument(help: "Its name.") var name = Dataset.names[0]
  @Option(help: "Folder that holds its files.") var dataDir: String?
  @OptionGroup var output: RowlessOutputOptions

  func run() throws { try output.render(DataReport(try Dataset.open(name, folder: dataDir))) }
}

private struct DataReport: Report {
  var name: String
  var trainImages: Int
  var testImages: Int
  var shape: [Int]
  var classes: Int
  var sha256: String

  init(_ dataset: Dataset) {
    name = dataset.name
    trainImages = dataset.train.count
    testImages = dataset.test.count
    shape = [dataset.train.channels, dataset.train.rows, dataset.train.columns]
    classes = dataset.train.classNames.count
    sha256 = dataset.sha256
  }

  var table: Table? { nil }
  var text: String {
    """
    \(name): \(trainImages) training and \(testImages) test images, \
    \(shape.map(String.init).joined(separator: "×")), \(classes) classes
    SHA-256 \(sha256)

    """
  }
}
