// One import for all of the library.
@_exported import Autodiff
@_exported import CPUBackend
@_exported import Compiler
@_exported import Configuration
@_exported import Datasets
@_exported import Execution
@_exported import Graph
@_exported import Models
@_exported import Networks
@_exported import OpenCLBackend
@_exported import Probability
@_exported import Training
