from penstock.common.input_dependency_constraint import *
